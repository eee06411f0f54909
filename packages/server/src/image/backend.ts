import type {
  Filters,
  HistoryItem,
  ImageDeleteItem,
  ImageInspect,
  ImageSummary,
  ImagesPruneReport,
  ProgressMessage,
  RegistryAuth,
} from "@berth/api";

export interface ImageListOptions {
  /** Intermediate images too. */
  all: boolean;
  /** Compute SharedSize. */
  sharedSize: boolean;
  /** before, dangling, label, reference, since, until; keys validated by the router. */
  filters: Filters;
}

export interface ImportOptions {
  /** Both empty: an image without a name. */
  repository: string;
  tag: string;
  message: string;
  /** Dockerfile instructions. */
  changes: string[];
  platform?: string;
}

export interface PullOptions {
  /** `busybox`, `registry/name@sha256:…`. */
  image: string;
  /** Empty: all tags, or the one that `image` names. */
  tag: string;
  platform?: string;
  /** `X-Registry-Auth`. */
  auth: RegistryAuth;
}

export interface PushOptions {
  /** Without tag. */
  image: string;
  /** Empty: all tags. */
  tag: string;
  /** Since API 1.46: only the image of this platform. */
  platform?: string;
  auth: RegistryAuth;
}

/**
 * What the image router needs. `name`: name, name:tag, name@digest, id or unambiguous id prefix.
 * Methods throw not-found `No such image: x`.
 */
export interface ImageBackend {
  list(options: ImageListOptions): Promise<ImageSummary[]>;
  inspect(name: string, options: { platform?: string }): Promise<ImageInspect>;
  /** Newest first. */
  history(name: string, options: { platform?: string }): Promise<HistoryItem[]>;
  tag(name: string, repository: string, tag: string): Promise<void>;
  /** @throws conflict when containers use it. */
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<ImageDeleteItem[]>;
  /** `filters`: dangling, label, label!, until; keys validated by the router. */
  prune(filters: Filters, signal: AbortSignal): Promise<ImagesPruneReport>;
  /** One tar with all the names (docker save). Throws before the first byte when a name is unknown. */
  save(
    names: readonly string[],
    options: { platform?: string },
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>>;
  /** `tar` may be compressed. A failure after the first message is thrown from the iterator. */
  load(
    tar: ReadableStream<Uint8Array>,
    options: { quiet: boolean; platform?: string },
    signal: AbortSignal,
  ): AsyncIterable<ProgressMessage>;
  import(
    tar: ReadableStream<Uint8Array>,
    options: ImportOptions,
    signal: AbortSignal,
  ): AsyncIterable<ProgressMessage>;
  /** Source of an import that is a URL is fetched by the implementation. */
  importFromUrl(url: string, options: ImportOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  pull(options: PullOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  push(options: PushOptions, signal: AbortSignal): AsyncIterable<ProgressMessage>;
  /** Makes `busybox`, `debian:bookworm`, … from the host's own distribution packages. */
  bootstrap(name: string, options: { mirror?: string }, signal: AbortSignal): AsyncIterable<ProgressMessage>;
}
