import { conflict } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { cancelRestart } from "./exit.ts";
import { thawForSignal } from "./pause.ts";
import { SIGKILL, stopSignal } from "./signals.ts";

/**
 * Sends a signal to the container's init. A signal that means "end" (its stop signal; any, when it has none; always with `stop`)
 * keeps the restart policy from starting it again. @throws conflict when it does not run.
 */
export async function sendSignal(
  engine: EngineContext,
  container: Container,
  signal: number,
  options: { stop: boolean },
): Promise<void> {
  const { state, record } = container;
  if (!state.running) throw conflict(`Container ${container.id} is not running`);
  const configured = record.config.StopSignal;
  const ends = options.stop || !configured || signal === SIGKILL || signal === stopSignal(configured);
  if (ends) container.exitOnNext = true;
  // A daemon that ends stops containers on nobody's wish: they start with it again.
  if (!state.manuallyStopped && !engine.stopping) {
    state.manuallyStopped = true;
    engine.containers.saveState(container);
  }
  if (state.restarting) {
    using _held = await container.lock.lock();
    // The next start may have come first.
    if (!isAlive(container)) {
      await cancelRestart(engine, container);
      return;
    }
  }
  const shim = container.shim;
  if (shim === undefined) throw conflict(`Container ${container.id} is not running`);
  await shim.kill(signal);
  containerEvent(engine, container, "kill", { signal: String(signal) });
  // A frozen process takes no signal.
  if (ends && state.paused) await thawForSignal(engine, container);
}
