import { log, messageOf } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { afterExit } from "./exit.ts";
import { startLocked } from "./start.ts";

/** Starts a container whose restart delay is over, unless a person stopped or removed it meanwhile. */
export async function restartByPolicy(engine: EngineContext, container: Container): Promise<void> {
  using _held = await container.lock.lock();
  const { state } = container;
  if (!state.restarting || isAlive(container) || state.removing || engine.stopping) return;
  try {
    await startLocked(engine, container, { byPolicy: true });
  } catch (error) {
    // The start has stored its failure; with Docker too that ends the restarts.
    log.warn("cannot restart a container", { container: container.id, error: messageOf(error) });
    container.waiters.exited({ statusCode: state.exitCode, error: state.error });
    await afterExit(engine, container);
  }
}
