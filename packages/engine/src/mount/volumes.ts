import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RootfsMount } from "@berth/spec";
import type { VolumeRequest } from "@berth/volume";
import type { ContainerRecord, MountRecord } from "../container/record.ts";
import type { EngineContext } from "../context.ts";
import type { PlannedMount } from "./plan.ts";

/** What the volumes of a new container would be refused for. @throws with Docker's sentences. */
export function checkVolumes(engine: EngineContext, planned: readonly PlannedMount[]): void {
  for (const mount of planned) if (mount.type === "volume") engine.volumes.check(requestOf(mount));
}

/** Makes the volumes that a new container names or needs, and holds all of them for it. Part of the caller's transaction. */
export function resolveVolumes(
  engine: EngineContext,
  planned: readonly PlannedMount[],
  containerId: string,
): MountRecord[] {
  const created: string[] = [];
  try {
    return planned.map((plan) => {
      const { volume: _, ...mount } = plan;
      if (mount.type !== "volume") return mount;
      const use = engine.volumes.ensure(requestOf(plan));
      if (use.created) created.push(use.name);
      engine.volumes.acquire(use.name, containerId);
      return { ...mount, name: use.name, driver: use.driver, source: use.path };
    });
  } catch (error) {
    for (const name of created) {
      engine.volumes.release(name, containerId);
      engine.volumes.undo(name);
    }
    throw error;
  }
}

function requestOf({ name = "", driver = "", volume }: PlannedMount): VolumeRequest {
  return { name, driver, options: volume?.options ?? null, labels: volume?.labels ?? null };
}

/** Copies what the image has at a volume's path into the volume, when that is empty. One worker job for all of them. */
export async function fillVolumes(
  engine: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  const rootfs = engine.snapshots.view(record.chain);
  const copies = record.mounts.flatMap((mount) => {
    if (mount.type !== "volume" || !mount.copy || mount.name === undefined) return [];
    const use = engine.volumes.use(mount.name);
    if (use.mount === undefined && !isEmpty(use.path)) return [];
    if (!mayContain(rootfs, mount.destination)) return [];
    return [
      {
        from: mount.destination,
        to: use.path,
        ...(use.mount ? { mount: use.mount } : {}),
        ...(mount.spec?.VolumeOptions?.Subpath ? { subpath: mount.spec.VolumeOptions.Subpath } : {}),
      },
    ];
  });
  if (copies.length > 0) await engine.jobs.copyUp(rootfs, copies, signal);
}

function isEmpty(folder: string): boolean {
  return readdirSync(folder).length === 0;
}

/**
 * False when no layer has anything at `path`: then there is nothing to copy, and no job is needed to find that out.
 * Looks only with lstat; a symbolic link on the way makes the answer "maybe".
 */
function mayContain(rootfs: RootfsMount, path: string): boolean {
  const layers = rootfs.kind === "overlay" ? rootfs.lower : [rootfs.path];
  const parts = path.split("/").filter((part) => part !== "");
  return layers.some((layer) => {
    let at = layer;
    for (const part of parts) {
      at = join(at, part);
      const facts = lstatSync(at, { throwIfNoEntry: false });
      if (facts === undefined) return false;
      if (facts.isSymbolicLink()) return true;
      // A whiteout, or a file where a folder would have to be.
      if (!facts.isDirectory()) return false;
    }
    return true;
  });
}
