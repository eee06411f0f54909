import type { EngineContext } from "../context.ts";
import type { WaitCondition, WaitOutcome } from "./waiters.ts";

/** Resolves once the waiter is registered; `outcome` when the condition is met. @throws not-found. */
export async function waitContainer(
  engine: EngineContext,
  reference: string,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<{ outcome: Promise<WaitOutcome> }> {
  const container = engine.containers.get(reference);
  const { state } = container;
  if (condition === "not-running" && !state.running) {
    return {
      outcome: Promise.resolve({
        statusCode: state.exitCode,
        ...(state.error === "" ? {} : { error: state.error }),
      }),
    };
  }
  const outcome = container.waiters.add(condition, signal);
  // The caller may drop it after an abort.
  outcome.catch(() => {});
  return { outcome };
}
