import { createConnection, type Socket } from "node:net";
import { systemError, unavailable } from "@berth/base";
import type { ExecRequest, ExitRecord, Shim, ShimStream } from "../runtime.ts";
import { type ControlMessage, type ControlRequest, LineReader, type Started } from "./protocol.ts";
import { failureToError, openStream } from "./stream.ts";

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

/** The daemon's end of one shim's control connection. Made by `connectShim`. */
class ShimClient implements Shim {
  readonly id: string;
  readonly exited: Promise<ExitRecord>;
  /** Resolves when the sandbox stands. Rejects with what made the preparation fail. */
  readonly ready: Promise<void>;
  started: Started | undefined;
  readonly #path: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #execs = new Map<string, (exitCode: number) => void>();
  /** Exits of execs that came before anyone asked for them. */
  readonly #execExits = new Map<string, number>();
  #next = 1;
  /** Streams that were asked for before the start. */
  #attaches = 0;
  readonly #readiness = Promise.withResolvers<void>();
  #failure: Error | undefined;
  #settleExit!: (record: ExitRecord) => void;
  #closed = false;
  #exitSeen = false;
  readonly #onLost: () => Promise<ExitRecord>;

  constructor(id: string, path: string, socket: Socket, onLost: () => Promise<ExitRecord>) {
    this.id = id;
    this.#path = path;
    this.#socket = socket;
    this.#onLost = onLost;
    this.ready = this.#readiness.promise;
    // Whoever waits is told by what he waits for.
    this.ready.catch(() => {});
    this.exited = new Promise((resolve) => {
      this.#settleExit = resolve;
    });
  }

  handle(message: ControlMessage): void {
    if ("event" in message) {
      if (message.event === "ready") {
        this.started = message.started ?? undefined;
        this.#readiness.resolve();
      } else if (message.event === "failed") {
        this.fail(failureToError(message.error));
      } else if (message.event === "exit") {
        this.#exitSeen = true;
        this.#settleExit(message.record);
      } else if (message.event === "exec-exit") {
        const listener = this.#execs.get(message.execId);
        this.#execs.delete(message.execId);
        if (listener) listener(message.exitCode);
        else this.#execExits.set(message.execId, message.exitCode);
      }
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (waiting === undefined) return;
    if ("error" in message) waiting.reject(failureToError(message.error));
    else waiting.resolve(message.result);
  }

  /** The connection is of no more use. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#readiness.reject(error);
    this.#socket.destroy();
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#readiness.reject(systemError("the container's shim ended before it was ready"));
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone());
    this.#waiting.clear();
    for (const listener of this.#execs.values()) listener(137);
    this.#execs.clear();
    if (!this.#exitSeen && this.started) {
      this.#exitSeen = true;
      void this.#onLost().then(this.#settleExit);
    }
  }

  attach(streams: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<ShimStream> {
    if (!this.started) this.#attaches++;
    return openStream(this.#path, { op: "attach", ...streams }).then(
      (opened) => opened.stream,
      async (error: unknown) => {
        // What made the preparation fail says more.
        await this.ready;
        throw error;
      },
    );
  }

  async start(): Promise<Started> {
    const started = (await this.#request({ op: "start", attaches: this.#attaches })) as Started;
    this.started = started;
    return started;
  }

  async exec(request: ExecRequest): Promise<{ pid: number; stream: ShimStream; exited: Promise<number> }> {
    const { pid, stream } = await openStream(this.#path, { op: "exec", request });
    const early = this.#execExits.get(request.id);
    this.#execExits.delete(request.id);
    const exited =
      early !== undefined
        ? Promise.resolve(early)
        : this.#closed
          ? Promise.resolve(137)
          : new Promise<number>((resolve) => this.#execs.set(request.id, resolve));
    return { pid, stream, exited };
  }

  async kill(signal: number, execId?: string): Promise<void> {
    await this.#request({ op: "kill", signal, ...(execId === undefined ? {} : { execId }) });
  }

  async resize(rows: number, columns: number, execId?: string): Promise<void> {
    await this.#request({ op: "resize", rows, columns, ...(execId === undefined ? {} : { execId }) });
  }

  async connectEndpoint(plan: unknown): Promise<void> {
    await this.#request({ op: "connect-endpoint", plan });
  }

  async disconnectEndpoint(endpointId: string, gateways: unknown): Promise<void> {
    await this.#request({ op: "disconnect-endpoint", endpointId, gateways });
  }

  async changePorts(ports: unknown): Promise<void> {
    await this.#request({ op: "ports", ports });
  }

  async syncNetwork(plan: unknown, ports: unknown): Promise<void> {
    await this.#request({ op: "sync-network", plan, ports });
  }

  async updateDns(plan: unknown): Promise<void> {
    await this.#request({ op: "dns", plan });
  }

  recorded(): void {
    if (!this.#closed) this.#socket.end(`${JSON.stringify({ id: 0, op: "recorded" })}\n`);
  }

  async abandon(): Promise<void> {
    this.#exitSeen = true;
    try {
      await this.#request({ op: "abandon" });
    } catch {
      // A shim that is gone is abandoned already.
    }
    this.#socket.destroy();
  }

  /** Leaves the shim to itself: the container goes on, and is found again by `recover`. */
  release(): void {
    this.#exitSeen = true;
    this.#socket.destroy();
  }

  #request(request: ControlRequest): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#gone());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  #gone(): Error {
    return this.#failure ?? unavailable("the container's shim is gone");
  }
}

export type { ShimClient };

/**
 * Connects to a shim. Requests can be made at once: the shim takes them when its sandbox stands (`ready`), in their order.
 * `onLost` gives the exit record when a started shim disappears without one.
 */
export function connectShim(id: string, path: string, onLost: () => Promise<ExitRecord>): ShimClient {
  const socket = createConnection({ path });
  const client = new ShimClient(id, path, socket, onLost);
  const lines = new LineReader();
  socket.on("data", (chunk: Buffer) => {
    try {
      lines.push(chunk, (line) => client.handle(JSON.parse(line) as ControlMessage));
    } catch (error) {
      client.fail(systemError("the container's shim sent what cannot be read", { cause: error }));
    }
  });
  socket.on("error", (error) =>
    client.fail(unavailable(`cannot reach the container's shim: ${error.message}`, { cause: error })),
  );
  socket.on("close", () => client.closed());
  socket.write(`${JSON.stringify({ op: "control" })}\n`);
  return client;
}
