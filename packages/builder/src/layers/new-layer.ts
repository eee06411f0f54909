import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, newId } from "@berth/base";
import type { LayerInProgress, Snapshots } from "@berth/snapshot";
import type { RootfsMount } from "@berth/spec";

/** A layer that a step writes: the step sees the layers below and changes only this one. */
export interface NewLayer extends AsyncDisposable {
  readonly id: Digest;
  /** Root file system to write to. */
  readonly rootfs: RootfsMount;
  /** Nothing is below it: `folder` is all that there is. */
  readonly onItsOwn: boolean;
  /** What changed, once nothing is mounted any more. */
  readonly folder: string;
  /** True when the step changed nothing. */
  isEmpty(): boolean;
  /** Publishes it for the steps above; not synced. `size`: bytes in `folder`; `listing`: see `LayerCommitOptions`. */
  commit(size: number, listing?: string): Promise<void>;
}

/**
 * `chain`: ids of the layers below, base first. `over`: it begins with the content of that layer, as a patch over it (see
 * `Snapshots.prepareLayer`). Disposing it before `commit` throws it away.
 */
export async function newLayer(
  snapshots: Snapshots,
  chain: readonly Digest[],
  over?: Digest,
): Promise<NewLayer> {
  const id: Digest = `sha256:${newId()}`;
  const layer: LayerInProgress = await snapshots.prepareLayer(id, chain, over);
  const work = join(layer.directory, "..", "work");
  const root = () => {
    const { mode, uid, gid } = statSync(layer.directory);
    return `${mode}:${uid}:${gid}`;
  };
  const before = root();
  let rootfs: RootfsMount;
  if (snapshots.driver === "vfs") rootfs = { kind: "directory", path: layer.directory };
  else {
    mkdirSync(work, { mode: 0o700 });
    const view = snapshots.view(over === undefined ? chain : [...chain, over]);
    const lower = view.kind === "overlay" ? view.lower : [view.path];
    rootfs = { kind: "overlay", lower, upper: layer.directory, work };
  }
  return {
    id,
    rootfs,
    folder: layer.directory,
    onItsOwn: chain.length === 0 && over === undefined,
    isEmpty: () =>
      over === undefined &&
      snapshots.driver !== "vfs" &&
      readdirSync(layer.directory).length === 0 &&
      root() === before,
    async commit(size, listing) {
      // Overlayfs leaves marks of the mount in there.
      snapshots.throwAway(work);
      await layer.commit(
        { diffId: id, size: Math.max(0, size) },
        { sync: false, private: true, ...(listing !== undefined && { listing }) },
      );
    },
    [Symbol.asyncDispose]: () => layer[Symbol.asyncDispose](),
  };
}

/** Folders of a chain, topmost first. */
export function layerFolders(snapshots: Snapshots, chain: readonly Digest[]): string[] {
  const view = snapshots.view(chain);
  return view.kind === "overlay" ? [...view.lower] : [view.path];
}
