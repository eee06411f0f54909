import type { StepResult } from "../cache/cache.ts";
import { StepLog } from "../exec/step-log.ts";

export interface RunningStep {
  result: Promise<StepResult>;
  log: StepLog;
}

interface Entry extends RunningStep {
  users: number;
  abort: AbortController;
}

/** Steps that are being executed: builds that need the same one wait for it together. It is cancelled when nobody waits any more. */
export class InFlight {
  readonly #running = new Map<string, Entry>();

  /** `execute` is called when nobody executes `key` yet; its signal fires when all who wait have gone. */
  async run(
    key: string,
    signal: AbortSignal,
    execute: (log: StepLog, signal: AbortSignal) => Promise<StepResult>,
    joined: (log: StepLog) => Disposable,
  ): Promise<StepResult> {
    let entry = this.#running.get(key);
    // One that was cancelled just now is of no use to a newcomer.
    if (entry?.abort.signal.aborted) entry = undefined;
    if (entry === undefined) {
      const log = new StepLog();
      const abort = new AbortController();
      const result = execute(log, abort.signal);
      const made: Entry = { result, log, users: 0, abort };
      this.#running.set(key, made);
      const done = () => {
        if (this.#running.get(key) === made) this.#running.delete(key);
      };
      result.then(done, done);
      entry = made;
    }
    const mine = entry;
    mine.users++;
    using _listening = joined(mine.log);
    const leave = () => {
      if (--mine.users === 0) mine.abort.abort(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      // Who is the last to leave waits until all is cleaned up.
      const result = await (signal.aborted && mine.users > 0 ? Promise.reject(signal.reason) : mine.result);
      return result;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
