import type { StepResult } from "../cache/cache.ts";
import { StepLog } from "../exec/step-log.ts";

export interface RunningStep {
  result: Promise<StepResult>;
  log: StepLog;
}

interface Entry extends RunningStep {
  users: number;
  abort: AbortController;
  /** Of the build whose files, secrets and keys it works with. */
  owner: AbortSignal;
}

/** Steps that are being executed: builds that need the same one wait for it together. It is cancelled when nobody waits any more. */
export class InFlight {
  readonly #running = new Map<string, Entry>();

  /**
   * `execute` is called when nobody executes `key` yet; its signal fires when all who wait have gone. A step that failed because
   * the build it belonged to was cancelled is executed again for those who are left.
   */
  async run(
    key: string,
    signal: AbortSignal,
    execute: (log: StepLog, signal: AbortSignal) => Promise<StepResult>,
    joined: (log: StepLog) => Disposable,
  ): Promise<StepResult> {
    for (;;) {
      let entry = this.#running.get(key);
      // One that was cancelled just now is of no use to a newcomer.
      if (entry?.abort.signal.aborted) entry = undefined;
      const isOwn = entry === undefined;
      entry ??= this.#begin(key, signal, execute);
      try {
        return await this.#wait(entry, signal, joined);
      } catch (error) {
        if (isOwn || signal.aborted || !entry.owner.aborted) throw error;
      }
    }
  }

  #begin(
    key: string,
    owner: AbortSignal,
    execute: (log: StepLog, signal: AbortSignal) => Promise<StepResult>,
  ): Entry {
    const log = new StepLog();
    const abort = new AbortController();
    const entry: Entry = { result: execute(log, abort.signal), log, users: 0, abort, owner };
    this.#running.set(key, entry);
    const done = () => {
      if (this.#running.get(key) === entry) this.#running.delete(key);
    };
    entry.result.then(done, done);
    return entry;
  }

  async #wait(entry: Entry, signal: AbortSignal, joined: (log: StepLog) => Disposable): Promise<StepResult> {
    entry.users++;
    using _listening = joined(entry.log);
    let go: (reason: unknown) => void = () => {};
    const gone = new Promise<never>((_, reject) => {
      go = reject;
    });
    gone.catch(() => {});
    const leave = () => {
      if (--entry.users === 0) entry.abort.abort(signal.reason);
      // The last to leave waits until all is cleaned up, and the owner as long as others use what is its own.
      else if (entry.owner !== signal) go(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await Promise.race([entry.result, gone]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
