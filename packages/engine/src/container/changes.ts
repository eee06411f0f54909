import type { Change } from "@berth/api";
import type { EngineContext } from "../context.ts";
import { whileThere } from "./while-there.ts";

/**
 * What a start puts into every root filesystem as places for mounts. Docker has them in a layer between image and container,
 * so that they are no changes of the container.
 */
export const MOUNT_PLACES: ReadonlySet<string> = new Set([
  "/.dockerenv",
  "/dev",
  "/dev/console",
  "/dev/pts",
  "/dev/shm",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/sys",
]);

/** `docker diff`. @throws not-found. */
export async function containerChanges(engine: EngineContext, reference: string): Promise<Change[]> {
  const container = engine.containers.get(reference);
  const found = await whileThere(engine, container, reference, engine.snapshots.changes(container.id));
  const changes = found.filter(({ path, kind }) => path !== "/" && !(kind !== 2 && MOUNT_PLACES.has(path)));
  // /etc counts only when something else in it changed.
  const inEtc = changes.some(({ path }) => path.startsWith("/etc/"));
  return changes
    .filter(({ path, kind }) => inEtc || kind === 2 || path !== "/etc")
    .map(({ path, kind }): Change => ({ Path: path, Kind: kind }))
    .sort((a, b) => (a.Path < b.Path ? -1 : 1));
}
