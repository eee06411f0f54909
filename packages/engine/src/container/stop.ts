import { notModified } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { startUnlessRunning } from "./start.ts";
import { type StopOptions, stopRunning } from "./stop-running.ts";

/** @throws not-found, invalid-parameter; not-modified when it does not run. */
export async function stopContainer(
  engine: EngineContext,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const container = engine.containers.get(reference);
  if (!container.state.running) throw notModified("container is not running");
  await stopRunning(engine, container, options);
}

/** @throws not-found, conflict, what makes the start fail. */
export async function restartContainer(
  engine: EngineContext,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const container = engine.containers.get(reference);
  if (container.state.running) {
    container.keepOnExit = true;
    await stopRunning(engine, container, options);
  }
  using _held = await container.lock.lock();
  // Somebody else may have started it meanwhile: then it was restarted.
  if (!isAlive(container)) await startUnlessRunning(engine, container);
  containerEvent(engine, container, "restart");
}
