import { RECEIVE_HIGH_WATER } from "./connection.ts";

/** What arrived and was not read yet. `pause` and `resume` are told when the reader falls behind and catches up. */
export class ReceiveQueue {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #ended = false;
  #error: Error | undefined;
  #waiting: { resolve(chunk: Uint8Array | undefined): void; reject(error: Error): void } | undefined;
  readonly #pause: () => void;
  readonly #resume: () => void;

  constructor(pause: () => void, resume: () => void) {
    this.#pause = pause;
    this.#resume = resume;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (!this.#paused && this.#bytes > RECEIVE_HIGH_WATER) {
      this.#paused = true;
      this.#pause();
    }
  }

  /** What was queued is still delivered, then the end, or `error`. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (error === undefined) waiting.resolve(undefined);
    else waiting.reject(error);
  }

  /** As `end`, and forgets what was queued. */
  abort(error?: Error): void {
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#ended) this.#error ??= error;
    this.end(error);
  }

  unread(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#bytes += chunk.length;
  }

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bytes -= chunk.length;
      if (this.#paused && this.#bytes < RECEIVE_HIGH_WATER / 2) {
        this.#paused = false;
        this.#resume();
      }
      return Promise.resolve(chunk);
    }
    if (this.#ended) return this.#error ? Promise.reject(this.#error) : Promise.resolve(undefined);
    if (this.#waiting !== undefined) return Promise.reject(new Error("two readers on one connection"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
