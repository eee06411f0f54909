import { log, messageOf } from "@berth/base";
import { ConnectionError, RegistryError } from "../errors.ts";

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** A registry that wants to be left alone for longer is told of to the user instead. */
const LONGEST_WISH = 60_000;

/** A failure with the time that the server asked to be left alone for. */
export class Postponed extends Error {
  readonly failure: RegistryError;
  readonly milliseconds: number | undefined;

  constructor(failure: RegistryError, milliseconds: number | undefined) {
    super(failure.message);
    this.failure = failure;
    this.milliseconds = milliseconds;
  }
}

/** `Retry-After` (RFC 9110, 10.2.3) in milliseconds. */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}

export function mayPass(error: unknown): boolean {
  if (error instanceof ConnectionError) return error.transient;
  if (error instanceof Postponed) return true;
  return error instanceof RegistryError && isPassing(error.status);
}

/** Statuses of a server that may answer otherwise soon. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** The pause before attempt `attempt` (1 is the first repetition); undefined: no further one. */
export function pauseBefore(attempt: number, error: unknown): number | undefined {
  const wish = error instanceof Postponed ? error.milliseconds : undefined;
  if (wish !== undefined) return wish > LONGEST_WISH ? undefined : Math.max(wish, 10);
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1));
  return pause * (0.75 + Math.random() / 2);
}

/** Runs `work` until it succeeds, fails for good, or was tried `attempts` times. */
export async function retrying<T>(
  what: string,
  attempts: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const failure = error instanceof Postponed ? error.failure : error;
      const pause =
        signal.aborted || attempt >= attempts || !mayPass(error) ? undefined : pauseBefore(attempt, error);
      if (pause === undefined) throw failure;
      log.debug("a request to a registry is repeated", { what, attempt, error: messageOf(failure) });
      await wait(pause, signal);
    }
  }
}

/** @throws the signal's reason. */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  signal.throwIfAborted();
}
