import type { ShimStream } from "@berth/runtime";

export interface AttachedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** What may be written before a container was started, in bytes. */
const EARLY_LIMIT = 64 * 1024;

/**
 * A client's stream to a container that may not run yet. Once connected it is the shim's stream;
 * before, listeners and input are kept.
 */
export class PendingStream implements ShimStream {
  readonly streams: AttachedStreams;
  /** Called when the client went away before the start. */
  onAbandoned: (() => void) | undefined;
  #target: ShimStream | undefined;
  #early: Uint8Array[] = [];
  #earlySize = 0;
  #ended = false;
  #closed = false;
  #paused = false;
  readonly #data: ((chunk: Uint8Array) => void)[] = [];
  readonly #end: (() => void)[] = [];
  readonly #drain: (() => void)[] = [];

  constructor(streams: AttachedStreams) {
    this.streams = streams;
  }

  /** The container's stream is there. */
  connect(target: ShimStream): void {
    if (this.#closed) {
      target.destroy();
      return;
    }
    this.#target = target;
    for (const listener of this.#end) target.onEnd(listener);
    for (const listener of this.#drain) target.onDrain(listener);
    let open = true;
    for (const chunk of this.#early) open = target.write(chunk);
    this.#early = [];
    if (this.#ended) target.end();
    else if (open) for (const listener of this.#drain) listener();
    for (const listener of this.#data) target.onData(listener);
    if (this.#paused) target.pause();
  }

  /** There will be no stream: the start failed, or the container was removed. */
  fail(): void {
    if (this.#closed || this.#target) return;
    this.#closed = true;
    for (const listener of this.#end) listener();
  }

  /** Bytes for the client that do not come from the container (earlier logs). */
  push(chunk: Uint8Array): void {
    for (const listener of this.#data) listener(chunk);
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data.push(listener);
    this.#target?.onData(listener);
  }

  onEnd(listener: () => void): void {
    this.#end.push(listener);
    if (this.#target) this.#target.onEnd(listener);
    else if (this.#closed) listener();
  }

  onDrain(listener: () => void): void {
    this.#drain.push(listener);
    this.#target?.onDrain(listener);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed) return true;
    if (this.#target) return this.#target.write(chunk);
    this.#early.push(chunk.slice());
    this.#earlySize += chunk.length;
    return this.#earlySize < EARLY_LIMIT;
  }

  pause(): void {
    this.#paused = true;
    this.#target?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#target?.resume();
  }

  end(): void {
    this.#ended = true;
    this.#target?.end();
  }

  destroy(): void {
    if (this.#target) this.#target.destroy();
    else if (!this.#closed) {
      this.#closed = true;
      this.onAbandoned?.();
    }
  }
}

/** Streams that wait for a container's start. */
export class AttachQueue {
  readonly #waiting = new Set<PendingStream>();

  add(stream: PendingStream): void {
    this.#waiting.add(stream);
    stream.onAbandoned = () => this.#waiting.delete(stream);
  }

  /** Takes all: the caller connects or fails them. */
  take(): PendingStream[] {
    const taken = [...this.#waiting];
    this.#waiting.clear();
    return taken;
  }

  failAll(): void {
    for (const stream of this.take()) stream.fail();
  }
}
