import type { Digest } from "@berth/base";
import type { ImageConfigFile, ImageHistory, ImageRuntimeConfig, Platform } from "@berth/spec";

/**
 * The build graph as plain data: what `graph/` makes of a Dockerfile and `solve/` executes. Nothing in it depends on the
 * machine, the clock or the content of the context. A `NodeId` is an index into `BuildGraph.nodes`; a node only refers to
 * smaller ids, so the list is in topological order. Nodes that the target does not need are not in it.
 */
export type NodeId = number;

/** Lines of the Dockerfile, counted from 1, both inclusive. */
export interface SourceRange {
  start: number;
  end: number;
}

interface NodeBase {
  id: NodeId;
  /** As BuildKit's progress prints it: `[build 2/5] RUN make`, `[internal] load build context`. */
  name: string;
  /** The instruction in the Dockerfile; absent for what no line asked for. */
  location?: SourceRange;
  /** Name or number of the stage. */
  stage?: string;
  /** Of RUN's process, or of the image; absent where nothing depends on it. */
  platform?: Platform;
  /** `--no-cache-filter` names its stage: a cached result must not be taken. */
  ignoreCache?: true;
}

/** The root filesystem of an image. */
export interface ImageNode extends NodeBase {
  type: "image";
  /** As `resolveImageConfig` returned it (`docker.io/library/busybox:latest@sha256:…`). */
  reference: string;
  /** Of the manifest, or the image id when only that is known. */
  digest: Digest;
  platform: Platform;
  /** Layers of the image, base first. */
  diffIds: Digest[];
  /** Named context `oci-layout://`: the store or path of the client that has the image. */
  layout?: string;
}

/** An empty root filesystem. */
export interface ScratchNode extends NodeBase {
  type: "scratch";
}

/** Files of the client: the main context, a named one, or a synced directory. */
export interface LocalNode extends NodeBase {
  type: "local";
  /** `context` for the main one, else what follows `local:` in the named context. */
  context: string;
  /** Patterns of .dockerignore, in order, `!` for exceptions (see `dockerignore/`). */
  excludes: string[];
  /**
   * All that the graph reads: paths relative to the root, maybe with wildcards; symlinks on the way are followed. The
   * client needs to send no more. Absent: everything.
   */
  followPaths?: string[];
}

export interface GitNode extends NodeBase {
  type: "git";
  /** Remote without fragment: `https://github.com/a/b.git`, `ssh://git@…`, `git@host:path`. */
  remote: string;
  /** Branch, tag, commit or `refs/…`; empty for the remote's default branch. */
  ref: string;
  /** Directory inside the repository that becomes the root; empty for all. */
  subdir: string;
  keepGitDir: boolean;
  /** Full or abbreviated commit that the ref must be, from `--checksum` or `?checksum=`. */
  checksum?: string;
  /** `?submodules=false`. */
  skipSubmodules?: true;
}

/** One downloaded file at `/<filename>` of its root. */
export interface HttpNode extends NodeBase {
  type: "http";
  url: string;
  checksum?: Digest;
  /** Absent: from Content-Disposition, else from the address. */
  filename?: string;
  /** Permission bits; 0600 without `--chmod`. */
  mode?: number;
}

export type MountSharing = "shared" | "private" | "locked";

export type RunMount =
  | {
      type: "bind";
      from: NodeId;
      /** Absolute inside `from`. */
      source: string;
      target: string;
      /** Writes are seen by this RUN only and thrown away. */
      readWrite: boolean;
    }
  | {
      type: "cache";
      /** Namespaced by the builder; the default is the target. */
      id: string;
      /** What the cache starts as; absent for an empty directory. */
      from?: NodeId;
      source: string;
      target: string;
      sharing: MountSharing;
      readOnly: boolean;
      /** Permission bits and owner of a directory that is made new. */
      mode: number;
      uid: number;
      gid: number;
    }
  | {
      type: "tmpfs";
      target: string;
      /** Bytes. */
      size?: number;
    }
  | {
      type: "secret";
      id: string;
      /** File; absent when only `env` was asked for. */
      target?: string;
      /** Environment variable that receives the secret. */
      env?: string;
      required: boolean;
      mode: number;
      uid: number;
      gid: number;
    }
  | {
      type: "ssh";
      /** `default` when not given. */
      id: string;
      /** Socket in the container; absent: the executor picks one. `SSH_AUTH_SOCK` names it. */
      target?: string;
      required: boolean;
      mode: number;
      uid: number;
      gid: number;
    };

export interface RunNode extends NodeBase {
  type: "run";
  base: NodeId;
  /** Whole command line, SHELL already in front of the shell form. */
  argv: string[];
  /** `NAME=value`, in order, ENV and ARG. Proxy variables of the client are `proxyEnv`: outside the cache key. */
  env: string[];
  proxyEnv: string[];
  /** Absolute. */
  cwd: string;
  /** `name`, `uid`, `name:group`…, looked up in the root; empty for root. */
  user: string;
  mounts: RunMount[];
  network: "default" | "none" | "host";
  security: "sandbox" | "insecure";
  /** `BUILDKIT_SANDBOX_HOSTNAME`. */
  hostname?: string;
  /** `--device`: CDI names. */
  devices: { name: string; required: boolean }[];
  /** Heredocs that are files: executable, present only during the step (`/dev/pipes/EOF`). */
  scripts: { path: string; content: string }[];
  platform: Platform;
}

/** Sets permission bits: a number, or a change of each file's own bits (`u=rwX,go=rX`). */
export type FileMode = { octal: number } | { symbolic: string };

export interface CopySource {
  from: NodeId;
  /**
   * Inside `from`, absolute and clean, maybe with wildcards `*`, `?`, `[…]`, `\` (Go's filepath.Match). A wildcard that
   * matches nothing is no error. With `parents` a `/./` inside stays as the pivot.
   */
  path: string;
  /** ADD: a tar archive (identity, gzip, bzip2, xz, zstd) is extracted into the destination. */
  unpack: boolean;
}

export interface CopyNode extends NodeBase {
  type: "copy";
  instruction: "COPY" | "ADD";
  base: NodeId;
  sources: CopySource[];
  /** Heredocs: file name and content, copied like sources, with mode 0644. */
  inline: { name: string; content: string }[];
  /**
   * Absolute; a trailing slash means that it is a directory. Without one, what is there decides for each source anew: they are copied
   * one after the other, and of several files the last one stays.
   */
  destination: string;
  /** It is refused when there is more than one file or folder to copy. */
  onlyOne?: true;
  /** `user[:group]` as written, names looked up in the base's root; absent: 0:0. */
  chown?: string;
  chmod?: FileMode;
  /** The layer does not depend on the base: destination parents are made anew and symlinks of the base not followed. */
  link: boolean;
  /** Keep the parents of each source below the destination. */
  parents: boolean;
  /** Patterns as in .dockerignore, relative to the source. */
  excludes: string[];
  platform: Platform;
}

/** A directory with its parents, mode 0755, if it is not there. */
export interface MkdirNode extends NodeBase {
  type: "mkdir";
  base: NodeId;
  path: string;
  /** Owner of what is made, looked up in the base's root; empty for root. */
  user: string;
}

export type GraphNode =
  | ImageNode
  | ScratchNode
  | LocalNode
  | GitNode
  | HttpNode
  | RunNode
  | CopyNode
  | MkdirNode;

/**
 * What the exporter writes as the image's configuration. The layers of the target are: the image's own (`ImageNode`
 * `diffIds`) and one for each run, copy and mkdir on the way from it to the target along `base`: as many as `history` has
 * entries without `empty_layer`. `created` is absent from the entries of this build: the exporter fills it in
 * (SOURCE_DATE_EPOCH, or the time of the build).
 */
export interface TargetImage {
  platform: Platform;
  author?: string;
  config: ImageRuntimeConfig;
  history: ImageHistory[];
  /** How many of the first entries of `history` are the base image's own. */
  inheritedHistory: number;
  /** Reference and digest of the image at the bottom, for the `org.opencontainers.image.base.*` annotations. */
  base?: { reference: string; digest: Digest };
}

/** One finding of the lints, with BuildKit's rule names. */
export interface LintWarning {
  rule: string;
  /** One sentence on the rule. */
  description: string;
  /** What is wrong here. */
  detail: string;
  location?: SourceRange;
}

/** Every image that the graph read, once: for provenance. */
export interface ResolvedImage {
  reference: string;
  digest: Digest;
  platform: Platform;
}

export interface BuildGraph {
  nodes: GraphNode[];
  target: NodeId;
  image: TargetImage;
  warnings: LintWarning[];
  images: ResolvedImage[];
  /** Stages below the target, and the context, that an SBOM shall tell of too. */
  scans: { name: string; node: NodeId }[];
  /** `SOURCE_DATE_EPOCH` in seconds, from the build arguments. */
  sourceDateEpoch?: number;
}

export interface ImageConfigAnswer {
  /** Full form with the digest, as progress shows it. */
  reference: string;
  digest: Digest;
  config: ImageConfigFile;
}

/**
 * Finds an image's configuration, in the local store or a registry.
 * @param reference full form with a tag or digest: `docker.io/library/busybox:latest`.
 * @param layout for `oci-layout://` contexts: the store.
 * @throws not-found and what registries answer.
 */
export type ResolveImageConfig = (
  reference: string,
  platform: Platform,
  options: { signal?: AbortSignal; layout?: string },
) => Promise<ImageConfigAnswer>;
