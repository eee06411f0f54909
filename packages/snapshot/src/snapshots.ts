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

export interface LayerFacts {
  /** Digest of the layer's uncompressed tar. */
  diffId: Digest;
  /** Bytes of the files in it; of a private patch: in its own folder. */
  size: number;
}

/** A folder of layers: named by the layer that it was made for, with the bytes of its files. */
export interface LayerPart {
  id: Digest;
  size: number;
}

/**
 * Unpacked layers and writable layers. Implementations: overlay/, copy/; one contract suite for both.
 * Nothing is ever mounted in the caller's mount namespace.
 */
export interface Snapshots extends AsyncDisposable {
  readonly driver: "overlay2" | "vfs";
  /** True: a layer can be committed before the layers below it. */
  readonly layersAreIndependent: boolean;
  /** How a layer's whiteouts are to be unpacked: kept as overlayfs' own, or carried out on what is in the folder. */
  readonly whiteouts: "overlay" | "remove";
  /** True when the layer with this chain id is unpacked. */
  has(chainId: Digest): boolean;
  /** Chain ids of all unpacked layers of images, or the ids of those that were committed as `private`. */
  list(kind?: "image" | "private"): Digest[];
  /**
   * Gives a layer a second id: a private layer becomes part of an image. Nothing is copied; the files stay until both are
   * removed. Not synced: see `flush`. @throws not-found.
   */
  share(existing: Digest, chainId: Digest, parents: readonly Digest[], facts: LayerFacts): Promise<void>;
  /**
   * Whether its files, or those that it is a patch over, stay when it is removed: true for a private layer that an image needs
   * too, and for one of an image that is private too.
   */
  isShared(id: Digest): boolean;
  /** What layers that were committed without `sync` hold is on the disk when it resolves. */
  flush(): Promise<void>;
  /**
   * A folder to unpack a layer into; `commit` publishes it by fsync and rename, dispose throws it away.
   * `parents`: chain ids of the layers below, base first. Two at once of the same layer are safe: the second is thrown away.
   *
   * `over`: the layer is a patch. Its content is that of the layer `over`, which has the same parents, with what is in the new
   * folder added and replaced (folders merge; nothing is taken away). Its files stay as long as the patch does. Only where
   * `layersAreIndependent`. @throws not-found for `over`.
   */
  prepareLayer(chainId: Digest, parents: readonly Digest[], over?: Digest): Promise<LayerInProgress>;
  /** The layer that a patch of this one would be over: itself, or for a patch the one below it. @throws not-found. */
  wholeLayer(chainId: Digest): Digest;
  /** See `LayerCommitOptions.listing`. @throws not-found. */
  layerListing(chainId: Digest): string | undefined;
  /** A read-only view of a chain. @throws not-found. */
  view(chain: readonly Digest[]): RootfsMount;
  /** Cheap with overlay: folders only, no fsync. @throws conflict when it exists, not-found for a chain that is not unpacked. */
  createWritable(id: string, options: WritableOptions): Promise<WritableLayer>;
  /** @throws not-found. */
  writable(id: string): WritableLayer;
  /** Never waits for large trees: they are moved away and deleted in the background. Idempotent. */
  removeWritable(id: string): Promise<void>;
  /**
   * Moves a folder away at once, to be deleted in the background: a removed container's, its writable layer included.
   * It must be on the file system of the layers. Nothing happens when it does not exist.
   */
  throwAway(path: string): void;
  /** Bytes of the files in the writable layer: Docker's SizeRw. */
  writableSize(id: string): Promise<number>;
  changes(id: string): Promise<Change[]>;
  /** As `removeWritable`, and done before the call returns. The caller knows that nothing uses the layer. */
  removeLayer(chainId: Digest): Promise<void>;
  /** Facts of an unpacked layer as recorded when it was committed. @throws not-found. */
  layerFacts(chainId: Digest): LayerFacts;
  /** Folder that a layer has, or will have once it is committed; all of them are in one folder, two levels up. */
  layerPlace(chainId: Digest): string;
  /** Folders of an unpacked layer, topmost first, of which it is the union; not to be changed. @throws not-found. */
  layerFolders(chainId: Digest): string[];
  /** Bytes of an unpacked layer. @throws not-found. */
  layerSize(chainId: Digest): number;
  /**
   * The folders of an unpacked layer, topmost first: what it takes on the disk. Other layers may have some of them too: second names
   * all, patches the lowest. @throws not-found.
   */
  layerParts(chainId: Digest): LayerPart[];
  /** `GraphDriver.Data` of an image's inspect, or with `id` of a container's; null when the driver has none. */
  metadata(chain: readonly Digest[], id?: string): Record<string, string> | null;
}

export interface LayerInProgress extends AsyncDisposable {
  /** Unpack here. */
  readonly directory: string;
  commit(facts: LayerFacts, options?: LayerCommitOptions): Promise<void>;
}

export interface LayerCommitOptions {
  /** Default true: on the disk before it is published. */
  sync?: boolean;
  /** Of no image: its id is a name only, and `diffId` means nothing. Whoever made it removes it. */
  private?: boolean;
  /** A text that is kept and removed with the layer: what its maker wants to know of it later. */
  listing?: string;
}
