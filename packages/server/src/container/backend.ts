import type {
  Change,
  ContainerConfig,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerPathStat,
  ContainerSummary,
  ContainersPruneReport,
  ContainerTopResponse,
  ContainerUpdateResponse,
  Filters,
  HostConfig,
  NetworkingConfig,
  StatsResponse,
  UpdateConfig,
} from "@berth/api";
import type { Attachment } from "../streams.ts";

/**
 * What the container router needs. `name` is always what the client wrote: a name (with or without leading slash),
 * an id, or an unambiguous id prefix. Every method throws not-found `No such container: x`.
 * Methods that take an AbortSignal stop soon after it fires and free what they hold.
 */
export interface ContainerBackend
  extends ContainerLifecycle,
    ContainerViews,
    ContainerStreams,
    ContainerFiles,
    ContainerCommit {}

export interface CreateOptions {
  /** Absent: a random one. Without leading slash. */
  name?: string;
  /** `linux/amd64`; absent: the image's or the host's. */
  platform?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  networkingConfig: NetworkingConfig;
  /** Minor API version of the request: some defaults depend on it. */
  apiVersion: number;
}

export interface StopOptions {
  /** As the client wrote it (`SIGINT`, `INT`, `2`); absent: the container's. */
  signal?: string;
  /** Seconds; negative: wait for ever; absent: the container's. */
  timeout?: number;
}

export interface RemoveOptions {
  /** Remove its anonymous volumes too. */
  volumes: boolean;
  force: boolean;
  /** Remove the legacy link of this name, not the container. */
  link: boolean;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitOutcome {
  statusCode: number;
  /** Message, when waiting or starting failed. */
  error?: string;
}

export interface ContainerLifecycle {
  create(options: CreateOptions, signal: AbortSignal): Promise<ContainerCreateResponse>;
  /** @throws not-modified when it runs already. */
  start(name: string, options: { detachKeys?: string }): Promise<void>;
  /** @throws not-modified when it does not run. */
  stop(name: string, options: StopOptions): Promise<void>;
  restart(name: string, options: StopOptions): Promise<void>;
  /** `signal` as the client wrote it; empty: SIGKILL. @throws conflict when it does not run. */
  kill(name: string, signal: string): Promise<void>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  rename(name: string, newName: string): Promise<void>;
  update(name: string, update: UpdateConfig): Promise<ContainerUpdateResponse>;
  resize(name: string, rows: number, columns: number): Promise<void>;
  /** Resolves once the waiter is registered, so that no exit after it is missed; `outcome` when the condition is met. */
  wait(
    name: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ outcome: Promise<WaitOutcome> }>;
  remove(name: string, options: RemoveOptions): Promise<void>;
  /** `filters`: label, label!, until; validated by the router. */
  prune(filters: Filters, signal: AbortSignal): Promise<ContainersPruneReport>;
}

export interface ListOptions {
  all: boolean;
  /** 0: no limit; above 0 it implies `all`. */
  limit: number;
  size: boolean;
  filters: Filters;
}

export interface ContainerViews {
  /** Newest first. */
  list(options: ListOptions): Promise<ContainerSummary[]>;
  inspect(name: string, options: { size: boolean }): Promise<ContainerInspect>;
  /** `psArguments` as the client wrote them; empty: `-ef`. */
  top(name: string, psArguments: string): Promise<ContainerTopResponse>;
  changes(name: string): Promise<Change[]>;
}

export interface LogsOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  /** Lines from the end; absent: all. */
  tail?: number;
  /** Nanoseconds since 1970; absent: no bound. */
  since?: bigint;
  until?: bigint;
  timestamps: boolean;
  details: boolean;
}

export interface LogStream {
  /** The container's terminal: raw bytes; without one: multiplexed frames. */
  tty: boolean;
  /** Bytes exactly as the client gets them, many lines a chunk. Ends by itself, or soon after the signal fired. */
  chunks: AsyncIterable<Uint8Array>;
}

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Send what was logged before. */
  logs: boolean;
  /** Go on with what comes. Without it only the logs are sent and the stream ends. */
  stream: boolean;
  detachKeys?: string;
}

export interface ContainerStreams {
  /** May be called before the container was started: the stream then waits for the start. @throws conflict when paused or restarting. */
  attach(name: string, options: AttachOptions, signal: AbortSignal): Promise<Attachment>;
  logs(name: string, options: LogsOptions, signal: AbortSignal): Promise<LogStream>;
  /** `stream` false: one message; with `oneShot` without waiting for a second sample. */
  stats(
    name: string,
    options: { stream: boolean; oneShot: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<StatsResponse>>;
}

export interface ContainerFiles {
  /** The container's file system as one tar. */
  export(name: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** @throws not-found `Could not find the file PATH in container NAME`. */
  statPath(name: string, path: string): Promise<ContainerPathStat>;
  getArchive(
    name: string,
    path: string,
    signal: AbortSignal,
  ): Promise<{ stat: ContainerPathStat; tar: ReadableStream<Uint8Array> }>;
  /** `tar` may be compressed. */
  putArchive(
    name: string,
    path: string,
    tar: ReadableStream<Uint8Array>,
    options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean },
    signal: AbortSignal,
  ): Promise<void>;
}

export interface CommitOptions {
  container: string;
  /** Both empty: an image without a name. */
  repository: string;
  tag: string;
  comment: string;
  author: string;
  /** Stop the processes while copying. */
  pause: boolean;
  /** Dockerfile instructions: `CMD ["x"]`, `ENV a=b`, … */
  changes: string[];
  /** Configuration given in the body; overrides the container's field by field. */
  config?: ContainerConfig;
}

export interface ContainerCommit {
  /** @returns the new image's id (`sha256:…`). */
  commit(options: CommitOptions, signal: AbortSignal): Promise<string>;
}
