/** The measurements. Engines take turns within each, so that a noisy moment hits all of them. */
import { type Memory, memoryOf, subtract } from "./memory.ts";
import { SLEEP, type Target } from "./target.ts";

export interface Row {
  title: string;
  unit: "ms" | "MB";
  /** By target: the median, or the one value. */
  values: Record<string, number>;
  /** By target: the fastest and the slowest, when there were several. */
  ranges?: Record<string, [number, number]>;
}

export interface Settings {
  runs: number;
  together: number;
  lines: number;
  /** Of the large image. */
  megabytes: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

type Command = (target: Target) => readonly string[] | undefined;

/** Milliseconds of a command on every target that has one. `before` and `after` are not measured. */
async function time(title: string, targets: readonly Target[], runs: number, command: Command): Promise<Row> {
  const samples = new Map<string, number[]>();
  for (let run = -2; run < runs; run++) {
    for (const target of targets) {
      const argv = command(target);
      if (argv === undefined) continue;
      const answer = await target.measure(argv);
      if (answer.exitCode !== 0)
        throw new Error(
          `${target.name}: ${argv.join(" ")}: exit status ${answer.exitCode}: ${answer.stderr}`,
        );
      // The first two fill caches.
      if (run >= 0) samples.set(target.name, [...(samples.get(target.name) ?? []), answer.milliseconds]);
    }
  }
  const row: Row = { title, unit: "ms", values: {}, ranges: {} };
  for (const [name, values] of samples) {
    row.values[name] = median(values);
    row.ranges![name] = [Math.min(...values), Math.max(...values)];
  }
  return row;
}

const isFloor = (target: Target): boolean => target.name === "crun";
const engine =
  (command: (target: Target) => readonly string[]): Command =>
  (target) =>
    isFloor(target) ? undefined : command(target);

/** Whole processes, from the start of the client to its end. */
export async function latency(targets: readonly Target[], { runs }: Settings): Promise<Row[]> {
  const rows: Row[] = [];
  let id = 0;
  for (const network of ["bridge", "none", "host"]) {
    rows.push(
      await time(`run --rm true, network ${network}`, targets, runs, (target) =>
        isFloor(target)
          ? network === "none"
            ? [...target.client, `floor${id++}`]
            : undefined
          : [
              ...target.client,
              "run",
              "--rm",
              ...(network === "bridge" ? [] : ["--network", network]),
              "busybox",
              "true",
            ],
      ),
    );
  }
  rows.push(
    await time(
      "run --rm true, published port",
      targets,
      runs,
      engine((target) => [...target.client, "run", "--rm", "-p", "127.0.0.1:18080:80", "busybox", "true"]),
    ),
  );
  rows.push(
    await time(
      "--version",
      targets,
      runs,
      engine((target) => [target.client[0]!, "--version"]),
    ),
  );
  rows.push(
    await time(
      "ps",
      targets,
      runs,
      engine((target) => [...target.client, "ps"]),
    ),
  );
  const daemons = targets.filter((target) => !isFloor(target));
  for (const target of daemons)
    await must(target, ["run", "-d", "--name", nameFor(target, "exec"), "busybox", ...SLEEP]);
  rows.push(
    await time("exec true", daemons, runs, (target) => [
      ...target.client,
      "exec",
      nameFor(target, "exec"),
      "true",
    ]),
  );
  for (const target of daemons) await must(target, ["rm", "-f", nameFor(target, "exec")]);
  return rows;
}

/** Two clients may drive one engine. */
function nameFor(target: Target, purpose: string): string {
  return `bench-${purpose}-${target.name.replaceAll(" ", "-")}`;
}

async function must(
  target: Target,
  args: readonly string[],
  keep = 0,
): Promise<{ milliseconds: number; stdout: string }> {
  const answer = await target.measure([...target.client, ...args], keep);
  if (answer.exitCode !== 0)
    throw new Error(`${target.name}: ${args.join(" ")}: exit status ${answer.exitCode}: ${answer.stderr}`);
  return answer;
}

/** Many containers started at once, and removed by one command. */
export async function together(targets: readonly Target[], { together: count }: Settings): Promise<Row[]> {
  const start: Row = { title: `${count} × run -d at once`, unit: "ms", values: {} };
  const remove: Row = { title: `rm -f of ${count} at once`, unit: "ms", values: {} };
  for (const target of targets.filter((one) => !isFloor(one))) {
    const names = Array.from({ length: count }, (_, index) => `${nameFor(target, "many")}-${index}`);
    const client = target.client.map((word) => `'${word}'`).join(" ");
    const script = `pids=; for n in ${names.join(" ")}; do ${client} run -d --name $n busybox ${SLEEP.join(" ")} >/dev/null & pids="$pids $!"; done; for p in $pids; do wait $p || exit 1; done`;
    const started = await target.measure(["sh", "-c", script]);
    if (started.exitCode !== 0) throw new Error(`${target.name}: starting ${count}: ${started.stderr}`);
    start.values[target.name] = started.milliseconds;
    remove.values[target.name] = (
      await must(target, ["rm", "-f", ...(target.name === "podman" ? ["-t", "0"] : []), ...names])
    ).milliseconds;
  }
  return [start, remove];
}

const megabytes = (bytes: number): number => bytes / 1e6;

/** Private memory of the engine at rest, and what each running container adds to it. */
export async function memory(targets: readonly Target[], { together: count }: Settings): Promise<Row[]> {
  const rows = new Map<string, Row>();
  const put = (title: string, target: Target, bytes: number): void => {
    const row = rows.get(title) ?? { title, unit: "MB" as const, values: {} };
    row.values[target.name] = megabytes(bytes);
    rows.set(title, row);
  };
  const putAll = (what: string, target: Target, used: Memory): void => {
    put(`${what}: private, written`, target, used.privateDirty);
    put(`${what}: private`, target, used.private);
    put(`${what}: proportional`, target, used.proportional);
  };
  for (const target of targets.filter((one) => !isFloor(one) && one.name !== "docker CLI on berth")) {
    for (const [what, flags] of [
      ["each container", []],
      ["each container with a published port", ["-p", "80"]],
    ] as const) {
      const idle = memoryOf(target.processes());
      if (flags.length === 0) putAll("engine at rest", target, idle);
      const names = Array.from({ length: count }, (_, index) => `${nameFor(target, "memory")}-${index}`);
      for (const name of names)
        await must(target, ["run", "-d", ...flags, "--name", name, "busybox", ...SLEEP]);
      putAll(what, target, subtract(memoryOf(target.processes()), idle, count));
      await must(target, ["rm", "-f", ...(target.name === "podman" ? ["-t", "0"] : []), ...names]);
    }
  }
  return [...rows.values()];
}

/** A container that writes many lines, and reading its log back; nothing may be lost, and the order is kept. */
export async function logging(targets: readonly Target[], { lines, runs }: Settings): Promise<Row[]> {
  const count = lines.toLocaleString("en-US");
  const write: Row = {
    title: `${count} lines to stdout, run -d until wait returns`,
    unit: "ms",
    values: {},
    ranges: {},
  };
  const read: Row = { title: `logs of ${count} lines`, unit: "ms", values: {}, ranges: {} };
  const samples = new Map<string, { write: number[]; read: number[] }>();
  const expected = Bun.spawnSync(["sh", "-c", `seq 1 ${lines} | sha256sum`]).stdout.toString();
  for (let run = 0; run < Math.max(1, Math.min(5, runs)); run++) {
    for (const target of targets.filter((one) => !isFloor(one))) {
      const name = nameFor(target, "logs");
      const client = target.client.map((word) => `'${word}'`).join(" ");
      const written = await target.measure([
        "sh",
        "-c",
        `${client} run -d --name ${name} busybox seq 1 ${lines} >/dev/null && ${client} wait ${name} >/dev/null`,
      ]);
      if (written.exitCode !== 0) throw new Error(`${target.name}: writing lines: ${written.stderr}`);
      const sum = await target.measure(["sh", "-c", `${client} logs ${name} | sha256sum`], 200);
      if (sum.stdout !== expected) throw new Error(`${target.name}: its log is not what was written`);
      const back = await must(target, ["logs", name]);
      await must(target, ["rm", name]);
      const all = samples.get(target.name) ?? { write: [], read: [] };
      all.write.push(written.milliseconds);
      all.read.push(back.milliseconds);
      samples.set(target.name, all);
    }
  }
  for (const [name, all] of samples) {
    write.values[name] = median(all.write);
    write.ranges![name] = [Math.min(...all.write), Math.max(...all.write)];
    read.values[name] = median(all.read);
    read.ranges![name] = [Math.min(...all.read), Math.max(...all.read)];
  }
  return [write, read];
}
