import { log, messageOf } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { sendSignal } from "./send-signal.ts";
import { parseSignal, SIGKILL, stopSignal } from "./signals.ts";

export interface StopOptions {
  /** As the client wrote it (`SIGINT`, `INT`, `2`); absent: the container's. */
  signal?: string;
  /** Seconds; negative: wait for ever; absent: the container's. */
  timeout?: number;
}

/** How long a container may take to end after SIGKILL, milliseconds. */
const KILL_WAIT = 10_000;

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
