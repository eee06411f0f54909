import type { ByteStream } from "./streams.ts";

/** Where a build context comes from. */
export type ContextSource =
  /** A folder that the daemon itself can read; `.dockerignore` is applied by the builder. Links never lead out of it. */
  | { kind: "folder"; path: string }
  /** A tar of it, compressed in any way; a stream is read once. The ignore file in it is applied unless `ignored` says it was. */
  | { kind: "tar"; stream: ByteStream; ignored?: boolean }
  /** A folder of the client. */
  | { kind: "sync"; sync: FileSync }
  /** `git://…`, `https://….git#ref:folder`, `git@…`, `github.com/…`. */
  | { kind: "git"; url: string; keepGitFolder?: boolean }
  /** A tarball or a Dockerfile behind HTTP(S). */
  | { kind: "http"; url: string; checksum?: string }
  /** `docker-image://name`. */
  | { kind: "image"; reference: string }
  /** `oci-layout://…`: the layout's folder or its tar. */
  | { kind: "oci-layout"; source: ContextSource; reference: string }
  /** `target:name`: another target of the same file. */
  | { kind: "target"; name: string };

/** Where the Dockerfile comes from. */
export type DockerfileSource =
  | { kind: "text"; text: string; name?: string }
  /** In the build context, or in `source`; `<path>.dockerignore` beside it is used when it is there. */
  | { kind: "file"; path: string; source?: ContextSource };

/**
 * A folder of the client, transferred file by file: only what changed since the last build with the same `key` is asked for.
 * Implemented for BuildKit's session file sync.
 */
export interface FileSync {
  /** The same folder of the same client, as far as anyone knows (BuildKit's shared key and folder name). Empty: never the same. */
  readonly key: string;
  open(request: FileSyncRequest, signal: AbortSignal): Promise<FileTransfer>;
}

export interface FileSyncRequest {
  /** Only these paths and what is below them; empty: all. */
  include: readonly string[];
  /** Patterns of `.dockerignore`. */
  exclude: readonly string[];
  /** Paths whose symbolic links are followed, so that their targets come along. */
  follow: readonly string[];
}

export interface FileTransfer extends AsyncDisposable {
  /** Parents before their children; read to its end before the first `read`. */
  entries(): AsyncIterable<SyncEntry>;
  /** Content of a regular file of the listing; many at once are possible, and each is read to its end or cancelled. */
  read(path: string): ByteStream;
}

export interface SyncEntry {
  /** Relative to the folder, with slashes: `src/main.c`. Hostile: checked by the builder. */
  path: string;
  /** `st_mode`: kind and permissions (Linux bits, not Go's). */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
  /** Of a symbolic link; of a hard link (a regular file of size 0 with a target) the path of the first name. */
  linkTarget?: string;
  xattrs?: Readonly<Record<string, Uint8Array>>;
}
