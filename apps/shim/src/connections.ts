import { accept4, closeQuietly, EPOLL, type Loop, read, SOCK, WOULD_BLOCK, writeAll } from "@berth/linux";
import type { DnsPlan, EndpointPlan, GatewayPlan, PortSocket, SandboxPlan } from "@berth/network";
import {
  type ControlMessage,
  type ControlRequest,
  type ExitRecord,
  type Failure,
  type Hello,
  LineReader,
  type StreamAnswer,
} from "@berth/runtime";
import { type Container, toFailure } from "./container.ts";

const chunk = new Uint8Array(64 * 1024);

export interface ConnectionEvents {
  /** The daemon has stored the exit. */
  recorded(): void;
  /** The daemon gave up a container that was not started, or went away before it was. */
  abandoned(): void;
  startFailed(): void;
  /** The daemon's control connection closed. */
  controlLost(): void;
}

/** Everything that comes in on `shim.sock`. */
export class Connections implements Disposable {
  readonly #loop: Loop;
  readonly #listener: number;
  readonly #container: Container;
  readonly #events: ConnectionEvents;
  #prepared = false;
  /** Why the container could not be prepared: told to the first control connection, then the shim ends. */
  #failure: Failure | undefined;
  /** What came before it was. */
  readonly #early = { streams: [] as (() => void)[], requests: [] as (ControlRequest & { id: number })[] };
  #control = -1;
  #starting = false;
  /** Connections of clients that were attached. */
  #attached = 0;
  /** A start that waits for the streams that are to be attached before it. */
  #pending: { id: number; attaches: number } | undefined;

  constructor(loop: Loop, listener: number, container: Container, events: ConnectionEvents) {
    this.#loop = loop;
    this.#listener = listener;
    this.#container = container;
    this.#events = events;
    loop.add(listener, EPOLL.IN, () => this.#accept());
  }

  /** The container stands, or cannot: from now on requests are answered. */
  prepared(failure?: Failure): void {
    this.#prepared = true;
    this.#failure = failure;
    for (const open of this.#early.streams.splice(0)) open();
    if (this.#control >= 0) this.#begin();
  }

  get controlled(): boolean {
    return this.#control >= 0;
  }

  tell(message: ControlMessage): void {
    if (this.#control < 0) return;
    try {
      writeAll(this.#control, Buffer.from(`${JSON.stringify(message)}\n`));
    } catch {
      this.#closeControl();
    }
  }

  /** No new connections. */
  stopListening(): void {
    this.#loop.remove(this.#listener);
    closeQuietly(this.#listener);
  }

  /** The daemon's ends. */
  [Symbol.dispose](): void {
    this.#closeControl();
  }

  #accept(): void {
    for (;;) {
      const fd = accept4(this.#listener, SOCK.NONBLOCK);
      if (fd === WOULD_BLOCK) return;
      const lines = new LineReader();
      this.#loop.add(fd, EPOLL.IN, () => {
        const count = readOrEnd(fd);
        if (count === WOULD_BLOCK) return;
        if (count === 0) return this.#forget(fd);
        let hello: Hello | undefined;
        try {
          const rest = lines.push(chunk.subarray(0, count), (line) => {
            hello = JSON.parse(line) as Hello;
            lines.stop();
          });
          if (hello) this.#welcome(fd, hello, rest ?? new Uint8Array(0));
        } catch {
          this.#forget(fd);
        }
      });
    }
  }

  #forget(fd: number): void {
    this.#loop.remove(fd);
    closeQuietly(fd);
  }

  #welcome(fd: number, hello: Hello, rest: Uint8Array): void {
    this.#loop.remove(fd);
    if (hello.op === "control") {
      this.#takeControl(fd, rest);
    } else if (!this.#prepared) {
      const early = rest.slice();
      this.#early.streams.push(() => this.#welcome(fd, hello, early));
    } else if (this.#failure) {
      closeQuietly(fd);
    } else if (hello.op === "attach") {
      answer(fd, { ok: true, pid: this.#container.started?.pid ?? 0 });
      this.#container.io.attach(fd, hello, rest);
      this.#attached++;
      this.#startWhenAttached();
    } else {
      const { request } = hello;
      const early = rest.slice();
      this.#container.execs.start(request, (outcome) => {
        if ("error" in outcome) {
          answer(fd, outcome);
          closeQuietly(fd);
          return;
        }
        answer(fd, { ok: true, pid: outcome.pid });
        outcome.io.attach(
          fd,
          { stdin: request.attachStdin, stdout: request.attachStdout, stderr: request.attachStderr },
          early,
        );
      });
    }
  }

  #takeControl(fd: number, rest: Uint8Array): void {
    if (this.#control >= 0) this.#closeControl();
    this.#control = fd;
    const lines = new LineReader();
    const take = (bytes: Uint8Array) =>
      lines.push(bytes, (line) => this.#request(JSON.parse(line) as ControlRequest & { id: number }));
    this.#loop.add(fd, EPOLL.IN, () => {
      const count = readOrEnd(fd);
      if (count === WOULD_BLOCK) return;
      if (count === 0) {
        if (this.#control !== fd) return;
        this.#closeControl();
        if (this.#container.started === undefined && !this.#starting) this.#events.abandoned();
        else this.#events.controlLost();
        return;
      }
      take(chunk.subarray(0, count));
    });
    if (this.#prepared) this.#begin();
    if (rest.length > 0) take(rest);
  }

  #begin(): void {
    if (this.#failure) {
      this.tell({ event: "failed", error: this.#failure });
      this.#events.abandoned();
      return;
    }
    this.tell({ event: "ready", started: this.#container.started ?? null });
    for (const request of this.#early.requests.splice(0)) this.#request(request);
  }

  #closeControl(): void {
    if (this.#control < 0) return;
    this.#forget(this.#control);
    this.#control = -1;
  }

  #request(request: ControlRequest & { id: number }): void {
    if (!this.#prepared) {
      this.#early.requests.push(request);
      return;
    }
    const { id } = request;
    const container = this.#container;
    try {
      switch (request.op) {
        case "start":
          this.#pending = { id, attaches: request.attaches };
          this.#startWhenAttached();
          return;
        case "kill":
          if (request.execId === undefined) container.kill(request.signal);
          else container.execs.kill(request.execId, request.signal);
          break;
        case "resize":
          if (request.execId === undefined) container.resize(request.rows, request.columns);
          else container.execs.resize(request.execId, request.rows, request.columns);
          break;
        case "connect-endpoint":
          container.network?.connect(request.plan as EndpointPlan);
          break;
        case "disconnect-endpoint":
          container.network?.disconnect(request.endpointId, (request.gateways ?? []) as GatewayPlan[]);
          break;
        case "ports":
          container.network?.changePorts(request.ports as PortSocket[]);
          break;
        case "sync-network":
          container.network?.sync(request.plan as SandboxPlan, request.ports as PortSocket[]);
          break;
        case "dns":
          container.network?.updateDns(request.plan as DnsPlan);
          break;
        case "recorded":
          this.#events.recorded();
          return;
        case "abandon":
          this.#pending = undefined;
          this.#succeed(id, null);
          this.#events.abandoned();
          return;
      }
      this.#succeed(id, null);
    } catch (error) {
      this.#fail(id, toFailure(error));
    }
  }

  #startWhenAttached(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#attached < pending.attaches) return;
    this.#pending = undefined;
    this.#starting = true;
    this.#container.start((outcome) => {
      this.#starting = false;
      if ("error" in outcome) {
        this.#fail(pending.id, outcome.error);
        this.#events.startFailed();
      } else this.#succeed(pending.id, outcome.started);
    });
  }

  #succeed(id: number, result: unknown): void {
    this.tell({ id, ok: true, result });
  }

  #fail(id: number, error: Failure): void {
    this.tell({ id, error });
  }

  exited(record: ExitRecord): void {
    this.tell({ event: "exit", record });
  }
}

function answer(fd: number, message: StreamAnswer): void {
  try {
    writeAll(fd, Buffer.from(`${JSON.stringify(message)}\n`));
  } catch {
    // The client is gone; its connection is found closed later.
  }
}

/** Bytes read into `chunk`; a broken connection counts as its end. */
function readOrEnd(fd: number): number {
  try {
    return read(fd, chunk, 0, chunk.length);
  } catch {
    return 0;
  }
}
