import { BerthError, conflict, messageOf, notFound } from "@berth/base";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";
import { removeLocked } from "./removal.ts";
import { killUntilGone } from "./stop-running.ts";

export interface RemoveOptions {
  /** Remove its anonymous volumes too. */
  volumes: boolean;
  force: boolean;
  /** Remove the legacy link of this name, not the container. */
  link: boolean;
}

/** @throws not-found; conflict when it runs and `force` is not set, or is being removed. */
export async function removeContainer(
  engine: EngineContext,
  reference: string,
  options: RemoveOptions,
): Promise<void> {
  if (options.link) return removeLink(engine, reference);
  const container = engine.containers.get(reference);
  if (container.state.removing) {
    throw conflict(`removal of container ${reference} is already in progress`);
  }
  for (;;) {
    refuseRunning(container, options.force);
    if (container.state.running) await killForRemoval(engine, container);
    using _held = await container.lock.lock();
    // Whoever held the lock may have removed it, or started it anew.
    if (engine.containers.find(container.id) === undefined) return;
    if (container.state.running) continue;
    await removeLocked(engine, container, options);
    return;
  }
}

async function killForRemoval(engine: EngineContext, container: Container): Promise<void> {
  // Its own removal after its end would come before this one.
  container.keepOnExit = true;
  try {
    await killUntilGone(engine, container);
  } catch (error) {
    throw new BerthError(
      "system",
      `Could not kill running container ${container.id}, cannot remove - ${messageOf(error)}`,
    );
  }
}

function refuseRunning(container: Container, force: boolean): void {
  const { state } = container;
  if (!state.running || force) return;
  const [word, procedure] = state.paused
    ? ["paused", "Unpause and then stop the container before attempting removal or force remove"]
    : ["running", "Stop the container before attempting removal or force remove"];
  throw conflict(`You cannot remove a ${word} container ${container.id}. ${procedure}`);
}

/** `docker rm --link /parent/alias`. */
async function removeLink(engine: EngineContext, reference: string): Promise<void> {
  const parts = reference.split("/").filter((part) => part !== "");
  const [parent = "", alias] = parts;
  if (alias === undefined) throw conflict("Conflict, cannot remove the default link name of the container");
  const container = engine.containers.get(parent);
  using _held = await container.lock.lock();
  const links = container.record.hostConfig.Links ?? [];
  const kept = links.filter((link) => link.split(":").at(-1)?.split("/").at(-1) !== alias);
  if (kept.length === links.length)
    throw notFound(`Cannot get parent /${parent} for name /${parts.join("/")}`);
  container.record = {
    ...container.record,
    hostConfig: { ...container.record.hostConfig, Links: kept },
  };
  engine.containers.saveRecord(container);
}
