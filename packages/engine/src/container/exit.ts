import { log, messageOf, ZERO_TIME } from "@berth/base";
import type { ExitRecord, Shim } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { endAllExecs } from "../exec/start.ts";
import { endpointEvents } from "../network/events.ts";
import type { Container } from "./container.ts";
import { containerEvent, volumeEvents } from "./events.ts";
import { stopHealth } from "./health.ts";
import { removeLocked } from "./removal.ts";
import { nextDelay, shouldRestart } from "./restart-policy.ts";

/** Deals with the end of a container's process when it comes. */
export function watchExit(engine: EngineContext, container: Container, shim: Shim): void {
  container.exitHandled = shim.exited
    .then((exit) => handleExit(engine, container, shim, exit))
    .catch((error: unknown) => {
      log.error("cannot deal with the end of a container", {
        container: container.id,
        error: messageOf(error),
      });
    });
}

async function handleExit(
  engine: EngineContext,
  container: Container,
  shim: Shim,
  exit: ExitRecord,
): Promise<void> {
  using _held = await container.lock.lock();
  if (container.shim !== shim) return;
  delete container.shim;
  await recordExit(engine, container, exit);
  shim.recorded();
  await afterExit(engine, container);
}

/** Stores an exit, frees what the container held, tells who waits. The caller holds the lock. */
export async function recordExit(
  engine: EngineContext,
  container: Container,
  exit: ExitRecord,
): Promise<void> {
  const { state, record } = container;
  stopHealth(container);
  endAllExecs(engine, container);
  const ranFor = Math.max(0, Date.parse(exit.finishedAt) - Date.parse(state.startedAt)) || 0;
  const again =
    !engine.stopping &&
    !container.exitOnNext &&
    !state.removing &&
    shouldRestart(record.hostConfig.RestartPolicy, {
      exitCode: exit.exitCode,
      restartCount: state.restartCount,
      manuallyStopped: state.manuallyStopped,
    });
  state.running = again;
  state.restarting = again;
  state.paused = false;
  state.pid = 0;
  state.exitCode = exit.exitCode;
  state.error = exit.error ?? "";
  state.oomKilled = exit.oomKilled;
  state.finishedAt = exit.finishedAt;
  if (again) {
    state.restartCount++;
    container.restartDelay = nextDelay(container.restartDelay, ranFor);
  } else container.restartDelay = 0;
  if (exit.oomKilled) containerEvent(engine, container, "oom");
  containerEvent(engine, container, "die", {
    execDuration: String(Math.floor(ranFor / 1000)),
    exitCode: String(exit.exitCode),
  });
  try {
    await engine.networks.release(container.id);
  } catch (error) {
    log.error("cannot release a container's network", { container: container.id, error: messageOf(error) });
  }
  endpointEvents(engine, container.id, "disconnect", state.network?.endpoints ?? []);
  delete state.network;
  volumeEvents(engine, container, "unmount");
  // A container that removes itself is stored once more only: when its row goes.
  if (!record.hostConfig.AutoRemove || again) engine.containers.saveState(container);
  container.waiters.exited({
    statusCode: exit.exitCode,
    ...(exit.error ? { error: exit.error } : {}),
  });
}

/** Restart by policy, or removal with `--rm`. The caller holds the lock. */
export async function afterExit(engine: EngineContext, container: Container): Promise<void> {
  if (container.state.restarting) engine.restarts.schedule(container);
  else if (container.record.hostConfig.AutoRemove && !container.keepOnExit && !container.state.removing) {
    try {
      await removeLocked(engine, container, { volumes: true });
    } catch (error) {
      log.error("cannot remove a container after its end", {
        container: container.id,
        error: messageOf(error),
      });
    }
  }
}

/** A stop while the container waits for its next start: it will not come. The caller holds the lock. */
export async function cancelRestart(engine: EngineContext, container: Container): Promise<void> {
  const { state } = container;
  if (!state.restarting) return;
  engine.restarts.cancel(container);
  state.running = false;
  state.restarting = false;
  if (state.finishedAt === ZERO_TIME) state.finishedAt = state.startedAt;
  container.restartDelay = 0;
  engine.containers.saveState(container);
  container.waiters.exited({ statusCode: state.exitCode });
  await afterExit(engine, container);
}
