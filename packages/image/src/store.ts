import type {
  ContainerConfig,
  Filters,
  HistoryItem,
  ImageDeleteItem,
  ImageInspect,
  ImageSummary,
  ImagesPruneReport,
  ProgressMessage,
} from "@berth/api";
import type { Digest } from "@berth/base";
import type { Login } from "@berth/registry";
import type { Reference } from "@berth/spec";
import type { LayerBlob } from "./catalog/catalog.ts";
import type { PublishedLayer } from "./create/publish.ts";
import type { ImageResolver, ResolvedImage } from "./images.ts";
import type { Hold } from "./layers/holds.ts";

export type { LayerBlob } from "./catalog/catalog.ts";
export type { PublishedLayer } from "./create/publish.ts";
export type { Hold } from "./layers/holds.ts";

/** A container that was made from an image. The engine tells the store which there are. */
export interface ImageUser {
  containerId: string;
  imageId: Digest;
  running: boolean;
}

/** Asked each time when images are listed, removed or pruned; must not throw. */
export type ImageUsers = () => Iterable<ImageUser>;

export interface ImageListOptions {
  /** Intermediate images too: those without a name that are the parent of another one. */
  all: boolean;
  /** Compute SharedSize; else it is -1. */
  sharedSize: boolean;
  /** before, dangling, label, reference, since, until. */
  filters: Filters;
}

export interface ImportOptions {
  /** Both empty: an image without a name. */
  repository: string;
  tag: string;
  message: string;
  /** Dockerfile instructions. */
  changes: readonly string[];
  platform?: string;
}

export interface CommitOptions {
  containerId: string;
  /** Image that the container was made from; its chain is the base of the new one. */
  imageId: Digest;
  /** The container's own configuration. */
  containerConfig: ContainerConfig;
  /** Body of POST /commit: what it sets goes before `containerConfig`. */
  config?: ContainerConfig;
  /** Empty: no name. Tag empty: `latest`. */
  repository: string;
  tag: string;
  author: string;
  comment: string;
  changes: readonly string[];
}

/** Docker's image events; `name` is what the Actor's `name` attribute says, `id` its ID. */
export interface ImageEvent {
  action: "tag" | "untag" | "delete" | "load" | "save" | "import" | "prune" | "create" | "pull" | "push";
  id: string;
  name: string;
  /** Labels of the image, and for `prune` `reclaimed`. */
  attributes: Record<string, string>;
}

export interface BootstrapOptions {
  /** Debian mirror; absent: the one that the host uses. */
  mirror?: string;
}

/** An image that a builder made: all its layers are unpacked. */
export interface PublishedImage {
  /** Bytes of its configuration. */
  config: Uint8Array;
  /** Base first. */
  layers: readonly PublishedLayer[];
  names: readonly Reference[];
  parent?: Digest;
}

export interface PullOptions {
  /** `busybox`, `registry/name@sha256:…`. */
  image: string;
  /** A tag or a digest; empty: what `image` names, or all tags. */
  tag: string;
  platform?: string;
  login?: Login;
}

export interface PushOptions {
  /** Without tag. */
  image: string;
  /** Empty: all tags. */
  tag: string;
  /** Only an image of this platform. */
  platform?: string;
  login?: Login;
}

/** A stream from a client; may end early, and contain anything. */
export type ByteStream = ReadableStream<Uint8Array>;

/**
 * All that there is to do with images. `name`: name, name:tag, name@digest, id or unambiguous id prefix; unknown ones are
 * not-found `No such image: x`. Methods that yield messages throw from the iterator when they fail after the first message.
 * Nothing half-made is ever visible: blobs and layers are on disk before one transaction makes the image.
 */
export interface ImageStore extends ImageResolver, AsyncDisposable {
  resolve(reference: string): ResolvedImage;
  /**
   * By exact id. Also finds an image that was removed by force while containers still use it: it is kept for them.
   */
  get(id: Digest): ResolvedImage | undefined;
  /** `name:tag` and `name@digest` references of an image in the familiar form, sorted. */
  names(id: Digest): { tags: string[]; digests: string[] };

  list(options: ImageListOptions): Promise<ImageSummary[]>;
  inspect(name: string, options: { platform?: string }): Promise<ImageInspect>;
  /** Newest first. */
  history(name: string, options: { platform?: string }): Promise<HistoryItem[]>;
  /** Bytes of all layers, each counted once, and how many images there are: for `system df`. */
  diskUsage(): Promise<{ layersSize: number }>;

  tag(name: string, repository: string, tag: string): Promise<void>;
  /** @throws conflict with Docker's sentences while containers use it. */
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<ImageDeleteItem[]>;
  /** `filters`: dangling, label, label!, until. */
  prune(filters: Filters, signal: AbortSignal): Promise<ImagesPruneReport>;

  /** One docker-archive that is an OCI layout too. Throws before the first byte when a name is unknown. */
  save(names: readonly string[], options: { platform?: string }, signal: AbortSignal): Promise<ByteStream>;
  load(
    tar: ByteStream,
    options: { quiet: boolean; platform?: string },
    signal: AbortSignal,
  ): AsyncIterable<ProgressMessage>;
  import(tar: ByteStream, options: ImportOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  /** Fetches the tar with HTTP(S). */
  importFromUrl(url: string, options: ImportOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  /** Makes an image of a container's writable layer; the caller has paused the container if it shall be. Its id. */
  commit(options: CommitOptions, signal: AbortSignal): Promise<Digest>;
  /** Makes an image of layers that are unpacked already; its blobs are written when somebody needs them. Its id. */
  publish(image: PublishedImage, hold: Hold, signal: AbortSignal): Promise<Digest>;
  /** A registry has the image under this digest (of its manifest, or of an index with it). Does nothing for an image that is not here. */
  addDigest(id: Digest, repository: { domain: string; path: string }, digest: Digest): void;
  /** The blob of each layer of an image, base first, made when there is none yet. @throws not-found */
  layerBlobs(id: Digest, hold: Hold, signal: AbortSignal): Promise<LayerBlob[]>;
  /** The exact bytes of an image's configuration. @throws not-found */
  configBytes(id: Digest): Uint8Array;
  /** Keeps layers and blobs from collection until it is disposed. */
  hold(): Hold;
  /** Gets images from a registry. Interrupted pulls go on where they stopped. */
  pull(options: PullOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  /** Sends images to a registry. */
  push(options: PushOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  /** Makes `busybox`, `debian:bookworm`, … from Debian's packages. */
  bootstrap(name: string, options: BootstrapOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;

  /** The containers that exist; until it is called there are none. */
  setUsers(users: ImageUsers): void;
  /** Called after each change, in order. */
  subscribe(listener: (event: ImageEvent) => void): void;
  /** Frees blobs and layers that no image and no container needs; the daemon calls it once after its start. */
  collect(): Promise<void>;
}
