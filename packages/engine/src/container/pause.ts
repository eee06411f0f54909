import { conflict, messageOf, systemError } from "@berth/base";
import { isErrno } from "@berth/linux";
import type { EngineContext } from "../context.ts";
import { cgroupOf } from "./cgroup.ts";
import type { Container } from "./container.ts";
import { containerEvent } from "./events.ts";
import { startHealth, stopHealth } from "./health.ts";

/** @throws not-found, conflict. */
export async function pauseContainer(engine: EngineContext, reference: string): Promise<void> {
  const container = engine.containers.get(reference);
  using _held = await container.lock.lock();
  pauseLocked(engine, container);
}

export function pauseLocked(engine: EngineContext, container: Container): void {
  const { state } = container;
  if (!state.running) throw conflict(`Container ${container.id} is not running`);
  if (state.paused) throw conflict(`Container ${container.id} is already paused`);
  if (state.restarting) {
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  }
  try {
    cgroupOf(engine, container).freeze();
  } catch (error) {
    // Its group went this moment: its end is about to be dealt with.
    if (isErrno(error, "ENOENT"))
      throw conflict(`Container ${container.id} is not running`, { cause: error });
    throw systemError(`Cannot pause container ${container.id}: ${messageOf(error)}`, { cause: error });
  }
  state.paused = true;
  stopHealth(container);
  engine.containers.saveState(container);
  containerEvent(engine, container, "pause");
}

/** @throws not-found, conflict. */
export async function unpauseContainer(engine: EngineContext, reference: string): Promise<void> {
  const container = engine.containers.get(reference);
  using _held = await container.lock.lock();
  unpauseLocked(engine, container);
}

export function unpauseLocked(engine: EngineContext, container: Container): void {
  const { state } = container;
  if (!state.paused) throw conflict(`Container ${container.id} is not paused`);
  try {
    cgroupOf(engine, container).thaw();
  } catch (error) {
    if (isErrno(error, "ENOENT"))
      throw conflict(`Container ${container.id} is not running`, { cause: error });
    throw systemError(`Cannot unpause container ${container.id}: ${messageOf(error)}`, { cause: error });
  }
  state.paused = false;
  startHealth(engine, container, true);
  engine.containers.saveState(container);
  containerEvent(engine, container, "unpause");
}

/** Lets a paused container take a signal that ends it. */
export async function thawForSignal(engine: EngineContext, container: Container): Promise<void> {
  using _held = await container.lock.lock();
  if (container.state.paused) unpauseLocked(engine, container);
}
