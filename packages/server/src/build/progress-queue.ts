import type { ProgressEvent } from "@berth/api/build";

/** Events of a build on their way to one reader: all that came since the last look are one batch. */
export class ProgressQueue {
  #events: ProgressEvent[] = [];
  readonly #kept: number;
  #limit: number;
  #ended = false;
  #wake: (() => void) | undefined;

  /** `limit`: for a reader that looks only at the end: of more events than that, the oldest output is forgotten. */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#kept = Math.floor(limit / 2);
    this.#limit = limit;
  }

  push(event: ProgressEvent): void {
    this.#events.push(event);
    if (this.#events.length > this.#limit) this.#forgetOutput();
    this.#wake?.();
  }

  #forgetOutput(): void {
    const recent = this.#events.length - this.#kept;
    this.#events = this.#events.filter(
      ({ type }, at) => at >= recent || type === "vertex" || type === "warning",
    );
    this.#limit = this.#events.length + this.#kept;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *batches(): AsyncGenerator<ProgressEvent[], void, undefined> {
    for (;;) {
      if (this.#events.length === 0) {
        if (this.#ended) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
        this.#wake = undefined;
      }
      const batch = this.#events;
      this.#events = [];
      if (batch.length > 0) yield batch;
    }
  }
}
