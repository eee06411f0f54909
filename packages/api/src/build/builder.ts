import type { Digest } from "@berth/base";
import type { Platform } from "@berth/spec";
import type { Filters } from "../filters.ts";
import type { HostConfig } from "../types/index.ts";
import type { ContextSource, DockerfileSource } from "./context-source.ts";
import type { ProgressSink, Vertex } from "./progress.ts";

/** Builds images from Dockerfiles. One for a daemon; any number of builds at once, which share cache and running steps. */
export interface Builder extends AsyncDisposable {
  /**
   * Parses, solves, executes, exports. `report` is called synchronously, in order, and must not throw.
   * @throws BuildError for what a step or the Dockerfile did; BerthError of any kind for the rest; cancelled when `signal` fires,
   * after everything of the build that ran was ended.
   */
  build(request: BuildRequest, report: ProgressSink, signal: AbortSignal): Promise<BuildResult>;
  /** Frees what no build and no image uses. `onRecord` is told of each record as it goes. */
  prune(
    options: PruneOptions,
    signal: AbortSignal,
    onRecord?: (record: CacheRecord) => void,
  ): Promise<PruneReport>;
  /** `filters` as of `prune`. */
  diskUsage(filters?: Filters): Promise<CacheRecord[]>;
  /** Builds that run and have run, newest first; the oldest are forgotten. */
  history(): BuildRecord[];
  /** Told of each change of `history`; `remove` is set for a record that is forgotten. Disposing ends it. */
  onHistory(listener: (record: BuildRecord, removed: boolean) => void): Disposable;
  removeHistory(ref: string): void;
  /** Survives the daemon; `prune` of everything forgets them. */
  readonly configurations: MadeConfigurations;
}

/** Remembers, by names that its user makes up, what instructions that nobody executes have come to before. */
export interface MadeConfigurations {
  has(name: string): boolean;
  add(name: string): void;
}

export interface BuildRequest {
  /** Name of the build for its history; random when absent. */
  ref?: string;
  dockerfile: DockerfileSource;
  /** The build context (`COPY` without `--from`); absent: an empty one. */
  context?: ContextSource;
  /** `--build-context name=…`: each takes the place of a stage or an image of that name. */
  namedContexts?: Readonly<Record<string, ContextSource>>;
  /** `--target`; absent: the last stage. */
  target?: string;
  /** `--build-arg`; null: the name alone, from the client's environment, where it is not set. */
  buildArgs?: Readonly<Record<string, string | null>>;
  labels?: Readonly<Record<string, string>>;
  /** Absent or empty: the host's. */
  platforms?: readonly Platform[];
  noCache?: boolean;
  /** Stages that are not taken from the cache. */
  noCacheFilter?: readonly string[];
  /** Ask the registry for newer base images. */
  pull?: boolean;
  cacheFrom?: readonly CacheEndpoint[];
  cacheTo?: readonly CacheEndpoint[];
  /** None: the result stays in the cache. */
  exporters?: readonly Exporter[];
  secrets?: SecretProvider;
  ssh?: SshProvider;
  auth?: AuthProvider;
  /** Of RUN steps without `--network`: `default`, `none`, `host`, or a network's name. */
  networkMode?: string;
  /** `name:ip`. */
  addHosts?: readonly string[];
  /** Limits of RUN steps (ShmSize, Ulimits, CgroupParent, Memory, MemorySwap, CpuShares, CpuQuota, CpuPeriod, CpusetCpus, CpusetMems, SecurityOpt, Isolation). */
  hostConfig?: Partial<HostConfig>;
  /** Rights that the client grants: `network.host`, `security.insecure`. */
  entitlements?: readonly string[];
  attestations?: { sbom?: Readonly<Record<string, string>>; provenance?: Readonly<Record<string, string>> };
  /**
   * Told once, before anything is executed, of all instructions that the target consists of, in the order of the file, and of the
   * names in `buildArgs` that none of them declares, sorted.
   */
  onPlan?(instructions: readonly PlannedText[], unconsumed: readonly string[]): void;
  /** Builds nothing: only lints (`--check`), or tells what stages there are, or what the target takes (`--call`). */
  call?: "check" | "outline" | "targets";
  /** Seconds since 1970: SOURCE_DATE_EPOCH. Also read from `buildArgs`. */
  sourceDateEpoch?: number;
  /** Merge all new layers into one (classic `--squash`). */
  squash?: boolean;
  /** Refuse COPY and ADD of several files to a destination that is written without a slash at its end (classic builder). */
  severalNeedSlash?: boolean;
  /** Free-form facts for `history` (BuildKit's frontend attributes). */
  attributes?: Readonly<Record<string, string>>;
}

/** An instruction as it is written; its line counts from 1. */
export interface PlannedText {
  text: string;
  line: number;
}

/** `--cache-from` or `--cache-to`. */
export interface CacheEndpoint {
  /** `inline`, `registry`, `local`; anything else is refused. */
  type: string;
  /** ref, mode (min, max), src, dest, tag, compression, cache-mounts… as given by the user. */
  attributes: Readonly<Record<string, string>>;
  /** For `local`: where the OCI layout is. */
  folder?: LocalFolder;
}

/** A folder to read from or write into: the daemon's own, or the client's, transferred as a tar stream of an OCI layout. */
export type LocalFolder =
  | { kind: "folder"; path: string }
  | {
      kind: "stream";
      /** The folder's content as a tar; undefined when there is no such folder. */
      read?(signal: AbortSignal): Promise<ReadableStream<Uint8Array> | undefined>;
      write?(tar: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void>;
    };

/** `--output`, `--tag`, `--push`. */
export interface Exporter {
  type: "image" | "local" | "tar" | "oci" | "docker";
  /**
   * name (comma-separated references), push, compression (gzip, zstd, uncompressed), compression-level, force-compression,
   * oci-mediatypes, rewrite-timestamp, annotation.*, annotation-index.*, annotation-manifest.*, annotation-manifest-descriptor.*,
   * tar (false: a folder), dest: as given by the user.
   */
  attributes: Readonly<Record<string, string>>;
  /** Where the result of local, tar, oci, docker goes. `docker` without one goes into the image store. */
  output?: ExportOutput;
}

export type ExportOutput =
  | { kind: "folder"; path: string }
  | { kind: "file"; path: string }
  /** The archive; of `local` too: the files as a tar. */
  | { kind: "stream"; write(tar: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> };

export interface SecretProvider {
  /** Undefined: there is no such secret. */
  get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

export interface SshProvider {
  /** True when the client forwards an agent or keys under this id (`default` when the Dockerfile names none). */
  has(id: string, signal: AbortSignal): Promise<boolean>;
  /** One connection of a RUN step to the agent. Both ends close when one does. */
  connect(id: string, connection: ByteDuplex, signal: AbortSignal): void;
}

export interface ByteDuplex {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

export interface AuthProvider {
  /** Credentials for a registry host (`docker.io` is `https://index.docker.io/v1/` where Docker says so). */
  credentials(host: string): Promise<Credentials | undefined>;
}

export interface Credentials {
  username?: string;
  password?: string;
  identityToken?: string;
  registryToken?: string;
}

export interface BuildResult {
  ref: string;
  /** Configuration digest of the image (of the first platform): Docker's image id. Absent without an image. */
  imageId?: Digest;
  /** Digest of the manifest, or of the index. */
  digest?: Digest;
  /** BuildKit's exporter response: containerimage.digest, containerimage.config.digest, image.name, … */
  exporterResponse: Record<string, string>;
  /** Of each step, in the order of the Dockerfile: `--explain`. */
  steps: StepExplanation[];
}

export interface StepExplanation {
  vertex: Digest;
  /** `[build 2/5] RUN make`. */
  name: string;
  cached: boolean;
  /** Why it was, or was not, taken from the cache: one sentence. */
  reason: string;
  /** Milliseconds it took; 0 when cached. */
  duration: number;
}

/** Where in the Dockerfile, lines from 1. */
export interface SourceExcerpt {
  file: string;
  startLine: number;
  endLine: number;
  text: string;
  /** All of the file: of errors and warnings, whose lines are shown among their neighbours. */
  whole?: string;
}

export interface PruneOptions {
  /** Also what images share; without it everything else that no build uses. */
  all: boolean;
  /** id, until, type, description, inuse, shared, private, mutable, immutable, parents. */
  filters: Filters;
  /** Bytes to keep; the oldest goes first. */
  keepStorage?: number;
  maxUsedSpace?: number;
  minFreeSpace?: number;
}

export interface PruneReport {
  ids: string[];
  /** Bytes. */
  spaceReclaimed: number;
}

/** What `docker buildx du` and `docker system df -v` show. */
export interface CacheRecord {
  id: string;
  parents: string[];
  type: "internal" | "frontend" | "source.local" | "source.git.checkout" | "exec.cachemount" | "regular";
  description: string;
  inUse: boolean;
  shared: boolean;
  mutable: boolean;
  /** Bytes. */
  size: number;
  /** RFC 3339. */
  createdAt: string;
  lastUsedAt?: string;
  usageCount: number;
}

export interface BuildRecord {
  ref: string;
  attributes: Readonly<Record<string, string>>;
  exporters: readonly { type: string; attributes: Readonly<Record<string, string>> }[];
  /** RFC 3339. */
  createdAt: string;
  completedAt?: string;
  error?: string;
  exporterResponse: Record<string, string>;
  totalSteps: number;
  cachedSteps: number;
  completedSteps: number;
  warnings: number;
  /** Vertices as they were at the end, without their logs. */
  vertices: Vertex[];
}
