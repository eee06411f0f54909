import type { Digest } from "@berth/base";
import type { RootfsMount } from "@berth/spec";

/** One path that differs between a writable layer and its image. */
export interface Change {
  path: string;
  /** Engine API: 0 modified, 1 added, 2 deleted. */
  kind: 0 | 1 | 2;
}

export interface WritableOptions {
  /** Chain ids from base to top; empty for an image `FROM scratch`. */
  chain: readonly Digest[];
}

/** A root filesystem that can be written. `upperDirectory`: the folder that takes the changes. */
export type WritableLayer = RootfsMount & { upperDirectory: string };

/**
 * Unpacked layers and writable layers. Implementations: overlay/, copy/; one contract suite for both.
 * Nothing is ever mounted in the caller's mount namespace.
 */
export interface Snapshots {
  readonly driver: "overlay2" | "vfs";
  /** True when the layer with this chain id is unpacked. */
  has(chainId: Digest): boolean;
  /**
   * A folder to unpack a layer into; `commit` publishes it by fsync and rename, dispose throws it away.
   * `parents`: chain ids of the layers below, base first.
   */
  prepareLayer(chainId: Digest, parents: readonly Digest[]): Promise<LayerInProgress>;
  /** A read-only view of a chain. */
  view(chain: readonly Digest[]): RootfsMount;
  /** Cheap with overlay: folders only, no fsync. @throws conflict when it exists, not-found for a chain that is not unpacked. */
  createWritable(id: string, options: WritableOptions): Promise<WritableLayer>;
  /** @throws not-found. */
  writable(id: string): WritableLayer;
  /** Never waits for large trees: they are moved away and deleted in the background. Idempotent. */
  removeWritable(id: string): Promise<void>;
  /** Bytes of the writable layer on disk. */
  writableSize(id: string): Promise<number>;
  changes(id: string): Promise<Change[]>;
  removeLayer(chainId: Digest): Promise<void>;
  /** Bytes of an unpacked layer as recorded when it was committed. */
  layerSize(chainId: Digest): number;
}

export interface LayerInProgress extends AsyncDisposable {
  /** Unpack here. */
  readonly directory: string;
  commit(facts: { diffId: Digest; size: number }): Promise<void>;
}
