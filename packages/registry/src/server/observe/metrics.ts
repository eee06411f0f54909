/** Counters in Prometheus' text exposition format, version 0.0.4. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

interface Timing {
  counts: number[];
  sum: number;
  count: number;
}

const label = (value: string): string =>
  value.replace(/[\\"\n]/g, (each) => (each === "\n" ? "\\n" : `\\${each}`));

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #timings = new Map<string, Timing>();
  readonly #counters = new Map<string, { help: string; value: number }>();
  inFlight = 0;

  request(method: string, route: string, status: number, seconds: number, bytesOut: number): void {
    const key = `${method} ${route} ${status}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    let timing = this.#timings.get(route);
    if (timing === undefined) {
      timing = { counts: new Array<number>(BUCKETS.length).fill(0), sum: 0, count: 0 };
      this.#timings.set(route, timing);
    }
    timing.sum += seconds;
    timing.count++;
    const bucket = BUCKETS.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) timing.counts[bucket]!++;
    if (bytesOut > 0) this.add("berth_registry_response_bytes_total", "Bytes of response bodies.", bytesOut);
  }

  add(name: string, help: string, value = 1): void {
    const counter = this.#counters.get(name) ?? { help, value: 0 };
    counter.value += value;
    this.#counters.set(name, counter);
  }

  text(): string {
    const lines = [
      "# HELP berth_registry_requests_total Requests by method, route and status.",
      "# TYPE berth_registry_requests_total counter",
    ];
    for (const [key, value] of [...this.#requests].sort()) {
      const [method, route, status] = key.split(" ") as [string, string, string];
      lines.push(
        `berth_registry_requests_total{method="${label(method)}",route="${route}",status="${status}"} ${value}`,
      );
    }
    lines.push(
      "# HELP berth_registry_request_duration_seconds Time until the response began.",
      "# TYPE berth_registry_request_duration_seconds histogram",
    );
    for (const [route, { counts, sum, count }] of this.#timings) {
      let total = 0;
      for (const [index, limit] of BUCKETS.entries()) {
        total += counts[index]!;
        lines.push(`berth_registry_request_duration_seconds_bucket{route="${route}",le="${limit}"} ${total}`);
      }
      lines.push(`berth_registry_request_duration_seconds_bucket{route="${route}",le="+Inf"} ${count}`);
      lines.push(`berth_registry_request_duration_seconds_sum{route="${route}"} ${sum}`);
      lines.push(`berth_registry_request_duration_seconds_count{route="${route}"} ${count}`);
    }
    for (const [name, { help, value }] of this.#counters)
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`, `${name} ${value}`);
    lines.push(
      "# HELP berth_registry_requests_in_flight Requests being answered.",
      "# TYPE berth_registry_requests_in_flight gauge",
      `berth_registry_requests_in_flight ${this.inFlight}`,
      "# HELP process_resident_memory_bytes Resident memory size in bytes.",
      "# TYPE process_resident_memory_bytes gauge",
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    );
    return `${lines.join("\n")}\n`;
  }
}
