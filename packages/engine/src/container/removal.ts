import { isKind, log, messageOf, systemError } from "@berth/base";
import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";
import { containerEvent } from "./events.ts";
import { containerDirectory } from "./paths.ts";

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
  engine.restarts.cancel(container);
  container.attaches.failAll();
  try {
    // In one step, its layer included: what a container wrote is not deleted file by file while somebody waits.
    engine.snapshots.throwAway(containerDirectory(engine.settings, container.id));
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
  container.waiters.removed({ statusCode: state.exitCode });
}
