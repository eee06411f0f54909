import type { Operation, Plan, Step } from "../plan/operation.ts";

export type Perform = (operation: Operation, signal: AbortSignal) => Promise<void>;

/** Requests under way at once: beyond that the daemon only queues them. */
const AT_ONCE = 24;

/**
 * Carries out a plan: each step as soon as those before it have succeeded. After a failure no further step begins, those
 * under way are waited for (waits are broken off), and the first failure is thrown: what was done stands, and the next look
 * at the daemon sees it.
 */
export async function execute(
  plan: Plan,
  perform: Perform,
  signal?: AbortSignal,
  atOnce = AT_ONCE,
): Promise<void> {
  const { steps } = plan;
  const abort = new AbortController();
  const whole = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
  const missing = steps.map((step) => step.after.length);
  const followers = steps.map((): number[] => []);
  for (const step of steps) for (const before of step.after) followers[before]!.push(step.id);
  const ready: Step[] = steps.filter((step) => step.after.length === 0);
  const failures: unknown[] = [];
  let running = 0;
  let waiting = 0;
  await new Promise<void>((resolve) => {
    const begin = async (step: Step): Promise<void> => {
      const isWait = step.operation.kind === "wait";
      if (isWait) waiting++;
      else running++;
      try {
        if (step.operation.kind !== "join") await perform(step.operation, whole);
        for (const follower of followers[step.id]!) {
          missing[follower]!--;
          if (missing[follower] === 0) ready.push(steps[follower]!);
        }
      } catch (error) {
        failures.push(error);
        abort.abort(error);
      }
      if (isWait) waiting--;
      else running--;
      next();
    };
    const next = (): void => {
      while (ready.length > 0 && !whole.aborted) {
        // A wait costs the daemon nothing, so it does not count.
        const at = running < atOnce ? 0 : ready.findIndex((step) => step.operation.kind === "wait");
        if (at < 0) break;
        void begin(ready.splice(at, 1)[0]!);
      }
      if (running === 0 && waiting === 0) resolve();
    };
    next();
  });
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}
