import type { ByteDuplex } from "../streams.ts";

/**
 * A container's stdio whose process echoes: it starts with `start`, writes back what it reads, and after its input's
 * end writes `bye` and ends.
 */
export class EchoStream implements ByteDuplex {
  #started: boolean;
  #data: ((chunk: Uint8Array) => void) | undefined;
  #end: (() => void) | undefined;
  #drain: (() => void) | undefined;
  #destroyed: (() => void)[] = [];
  #pending: Uint8Array[] = [];
  #inputEnded = false;
  #over = false;
  paused = false;
  /** Bytes that `write` took. */
  received = 0;
  /** Makes `write` ask for patience. */
  full = false;

  constructor(started: boolean) {
    this.#started = started;
  }

  start(): void {
    this.#started = true;
    for (const chunk of this.#pending.splice(0)) this.#data?.(chunk);
    if (this.#inputEnded) this.finish("bye");
  }

  /** The process ends. */
  finish(last?: string): void {
    if (this.#over) return;
    this.#over = true;
    if (last !== undefined) this.#data?.(Buffer.from(last));
    this.#end?.();
  }

  /** The process writes. */
  say(chunk: Uint8Array): void {
    this.#data?.(chunk);
  }

  drain(): void {
    this.full = false;
    this.#drain?.();
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data = listener;
  }

  onEnd(listener: () => void): void {
    this.#end = listener;
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onDestroyed(listener: () => void): void {
    this.#destroyed.push(listener);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#inputEnded) throw new Error("write after end");
    this.received += chunk.length;
    const copy = Uint8Array.from(chunk);
    if (this.#started) this.#data?.(copy);
    else this.#pending.push(copy);
    return !this.full;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    if (this.#started) queueMicrotask(() => this.finish("bye"));
  }

  destroy(): void {
    this.#over = true;
    for (const listener of this.#destroyed.splice(0)) listener();
  }
}
