import type { ProgressEvent } from "@berth/api/build";

/** Events of a build on their way to one reader: all that came since the last look are one batch. */
export class ProgressQueue {
  #events: ProgressEvent[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(event: ProgressEvent): void {
    this.#events.push(event);
    this.#wake?.();
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
