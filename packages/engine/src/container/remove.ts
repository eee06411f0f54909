import { rm } from "node:fs/promises";
import { BerthError, conflict, isKind, log, messageOf, notFound, systemError } from "@berth/base";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";
import { containerEvent } from "./events.ts";
import { containerDirectory } from "./paths.ts";
import { killUntilGone } from "./stop.ts";

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
  refuseRunning(container, options.force);
  if (container.state.running) {
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
  using _held = await container.lock.lock();
  // Whoever held the lock may have removed or started it.
  if (engine.containers.find(container.id) === undefined) return;
  refuseRunning(container, false);
  await removeLocked(engine, container, options);
}

function refuseRunning(container: Container, force: boolean): void {
  const { state } = container;
  if (!state.running || force) return;
  const [word, procedure] = state.paused
    ? ["paused", "Unpause and then stop the container before attempting removal or force remove"]
    : ["running", "Stop the container before attempting removal or force remove"];
  throw conflict(`You cannot remove a ${word} container ${container.id}. ${procedure}`);
}

/**
 * Removes a container that does not run. The intent is stored first: a removal that was cut off is finished by `restore`.
 * One that removes itself needs no such mark, it is removed after a restart anyway. The caller holds the lock.
 */
export async function removeLocked(
  engine: EngineContext,
  container: Container,
  options: { volumes: boolean },
): Promise<void> {
  const { state, record } = container;
  state.removing = true;
  state.removeVolumes = options.volumes;
  if (!record.hostConfig.AutoRemove) engine.containers.saveState(container);
  clearTimeout(container.restartTimer);
  container.attaches.failAll();
  try {
    await Promise.all([
      engine.snapshots.removeWritable(container.id),
      rm(containerDirectory(engine.settings, container.id), { recursive: true, force: true }),
    ]);
  } catch (error) {
    state.removing = false;
    state.dead = true;
    state.error = messageOf(error);
    engine.containers.saveState(container);
    container.waiters.removed({ statusCode: state.exitCode, error: state.error });
    throw systemError(`container ${container.id}: failed to remove root filesystem: ${messageOf(error)}`, {
      cause: error,
    });
  }
  for (const mount of record.mounts) {
    if (mount.type !== "volume" || mount.name === undefined) continue;
    engine.volumes.release(mount.name, container.id);
    if (!options.volumes || !mount.anonymous) continue;
    try {
      await engine.volumes.remove(mount.name, { force: true });
    } catch (error) {
      // Another container uses it by now.
      if (!isKind(error, "conflict")) {
        log.warn("cannot remove a volume", { volume: mount.name, error: messageOf(error) });
      }
    }
  }
  engine.execs.removeOf(container.id);
  engine.containers.delete(container);
  containerEvent(engine, container, "destroy");
  container.waiters.removed({ statusCode: state.exitCode, ...(state.error ? { error: state.error } : {}) });
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
