export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitOutcome {
  statusCode: number;
  /** Message, when waiting or starting failed. */
  error?: string;
}

/** Who waits for a container to end or to be removed (POST /containers/{id}/wait). */
export class Waiters {
  readonly #waiting: Record<WaitCondition, Set<(outcome: WaitOutcome) => void>> = {
    "not-running": new Set(),
    "next-exit": new Set(),
    removed: new Set(),
  };

  /** Resolves with the next event of that condition; registered when this returns. Rejects when `signal` fires. */
  add(condition: WaitCondition, signal?: AbortSignal): Promise<WaitOutcome> {
    const set = this.#waiting[condition];
    return new Promise((resolve, reject) => {
      const done = (outcome: WaitOutcome) => {
        signal?.removeEventListener("abort", abort);
        resolve(outcome);
      };
      const abort = () => {
        set.delete(done);
        reject(signal?.reason);
      };
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
      set.add(done);
    });
  }

  exited(outcome: WaitOutcome): void {
    this.#notify("next-exit", outcome);
    this.#notify("not-running", outcome);
  }

  removed(outcome: WaitOutcome): void {
    this.#notify("removed", outcome);
    this.exited(outcome);
  }

  #notify(condition: WaitCondition, outcome: WaitOutcome): void {
    const waiting = [...this.#waiting[condition]];
    this.#waiting[condition].clear();
    for (const done of waiting) done(outcome);
  }
}
