import { log, messageOf, notModified } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { sendSignal } from "./kill.ts";
import { parseSignal, SIGKILL, SIGTERM } from "./signals.ts";
import { startUnlessRunning } from "./start.ts";

export interface StopOptions {
  /** As the client wrote it (`SIGINT`, `INT`, `2`); absent: the container's. */
  signal?: string;
  /** Seconds; negative: wait for ever; absent: the container's. */
  timeout?: number;
}

/** How long a container may take to end after SIGKILL, milliseconds. */
const KILL_WAIT = 10_000;

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

/** Signal, wait, SIGKILL; resolves when the end has been dealt with. */
export async function stopRunning(
  engine: EngineContext,
  container: Container,
  options: StopOptions,
): Promise<void> {
  const { config } = container.record;
  const signal =
    options.signal === undefined || options.signal === ""
      ? stopSignal(config.StopSignal)
      : parseSignal(options.signal);
  const timeout = options.timeout ?? config.StopTimeout ?? engine.settings.stopTimeout;
  const ended = whenEnded(container);
  try {
    await sendSignal(engine, container, signal, { stop: true });
  } catch (error) {
    log.warn("cannot send the stop signal", { container: container.id, error: messageOf(error) });
  }
  if (!(await within(ended, timeout < 0 ? undefined : timeout * 1000))) {
    await killUntilGone(engine, container);
  }
  containerEvent(engine, container, "stop");
}

/** SIGKILL, and the end dealt with. @throws system when it does not end. */
export async function killUntilGone(engine: EngineContext, container: Container): Promise<void> {
  const ended = whenEnded(container);
  await sendSignal(engine, container, SIGKILL, { stop: true }).catch((error: unknown) => {
    log.debug("cannot send SIGKILL", { container: container.id, error: messageOf(error) });
  });
  if (!(await within(ended, KILL_WAIT))) {
    throw new Error(`tried to kill container, but did not receive an exit event`);
  }
}

/** Resolves at once when nothing runs. */
function whenEnded(container: Container): Promise<unknown> {
  return isAlive(container) ? (container.exitHandled ?? Promise.resolve()) : Promise.resolve();
}

/** False when the promise took longer; `milliseconds` undefined: as long as it takes. */
async function within(promise: Promise<unknown>, milliseconds: number | undefined): Promise<boolean> {
  if (milliseconds === undefined) {
    await promise;
    return true;
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

export function stopSignal(configured: string | undefined): number {
  if (!configured) return SIGTERM;
  try {
    return parseSignal(configured);
  } catch {
    // An image may hold anything; Docker too falls back.
    return SIGTERM;
  }
}
