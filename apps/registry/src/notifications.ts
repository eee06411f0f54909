import { hostname } from "node:os";
import { log, messageOf } from "@berth/base";
import type { EventSink, RegistryEvent } from "@berth/registry/server";
import type { Endpoint } from "./config/structures.ts";

const MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json";
/** Events that wait for one endpoint; with more the oldest are lost, which the log says. */
const MOST_WAITING = 10_000;

interface Options {
  endpoints: readonly Endpoint[];
  /** Whether events say what a manifest names. */
  references: boolean;
  /** Where clients find things; empty: as the request named the registry. */
  host: string;
  tls: boolean;
  /** What the registry listens on. */
  address: string;
}

/** Tells endpoints of events, in Docker's form and order: each event until the endpoint took it. */
export class Notifications implements Disposable {
  readonly #options: Options;
  readonly #queues: Queue[];
  readonly #instance = crypto.randomUUID();

  constructor(options: Options) {
    this.#options = options;
    this.#queues = options.endpoints.filter(({ disabled }) => !disabled).map((each) => new Queue(each));
  }

  /** Undefined when nobody is to be told. */
  get sink(): EventSink | undefined {
    if (this.#queues.length === 0) return undefined;
    return (event) => {
      for (const queue of this.#queues) if (queue.wants(event)) queue.add(this.#envelope(event));
    };
  }

  #envelope({ action, target, request, user }: RegistryEvent): string {
    const { host, tls, references, address } = this.#options;
    const { digest, size, references: named, ...rest } = target;
    const base = host === "" ? `${tls ? "https" : "http"}://${request.host}` : host;
    const kind = named === undefined ? "blobs" : "manifests";
    const event = {
      id: crypto.randomUUID(),
      timestamp: new Date().toISOString(),
      action,
      target: {
        ...rest,
        ...(digest !== undefined && { digest }),
        ...(size !== undefined && { size, length: size }),
        ...(digest !== undefined &&
          action !== "delete" && { url: `${base}/v2/${target.repository}/${kind}/${digest}` }),
        ...(references && named !== undefined && { references: named }),
      },
      request: {
        id: crypto.randomUUID(),
        addr: request.address,
        host: request.host,
        method: request.method,
        useragent: request.agent,
      },
      actor: user === "" ? {} : { name: user },
      source: { addr: `${hostname()}:${/\d+$/.exec(address)?.[0] ?? ""}`, instanceID: this.#instance },
    };
    return JSON.stringify({ events: [event] });
  }

  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue[Symbol.dispose]();
  }
}

class Queue implements Disposable {
  readonly #endpoint: Endpoint;
  readonly #waiting: string[] = [];
  readonly #end = new AbortController();
  #sending = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  wants({ action, target }: RegistryEvent): boolean {
    const { ignoredActions, ignoredMediaTypes } = this.#endpoint;
    return (
      !ignoredActions.includes(action) &&
      (target.mediaType === undefined || !ignoredMediaTypes.includes(target.mediaType))
    );
  }

  add(text: string): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#waiting.shift();
      log.warn("a notification is lost: too many wait", { endpoint: this.#endpoint.name });
    }
    this.#waiting.push(text);
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    const { name, threshold, backoff } = this.#endpoint;
    this.#sending = true;
    for (let failures = 0; this.#waiting.length > 0 && !this.#end.signal.aborted; ) {
      try {
        await this.#post(this.#waiting[0]!);
        this.#waiting.shift();
        failures = 0;
      } catch (error) {
        failures++;
        log.warn("a notification was not taken", { endpoint: name, error: messageOf(error) });
        // Below the threshold again soon, then in the endpoint's own time.
        await Bun.sleep(failures >= threshold ? Math.max(backoff, 10) : Math.min(100 * failures, 1000));
      }
    }
    this.#sending = false;
  }

  async #post(text: string): Promise<void> {
    const { url, timeout, headers } = this.#endpoint;
    const response = await fetch(url, {
      method: "POST",
      body: text,
      headers: [
        ["Content-Type", MEDIA_TYPE],
        ...Object.entries(headers).flatMap(([name, values]) => values.map((value) => [name, value])),
      ] as [string, string][],
      signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(Math.max(timeout, 1))]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`status ${response.status}`);
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}
