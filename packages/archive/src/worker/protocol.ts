import type { Digest } from "@berth/base";
import type { RootfsMount } from "@berth/spec";
import type { PathChange } from "../changes/changes.ts";
import type { Compression } from "../compression/detect.ts";
import type { Match } from "../tree/select.ts";
import type { TreeEntry } from "../tree/tree.ts";

/** Something that is mounted into a view. */
export interface ViewBind {
  source: string;
  /** In the container. */
  target: string;
  readonly: boolean;
  /** Only this path is bound, looked up with `source` as its root. */
  subpath?: string;
  /** A file system to mount instead of binding `source`; options are mount(8)'s words. */
  mount?: { type: string; source: string; options: readonly string[] };
}

export type { Match } from "../tree/select.ts";
export type { TreeEntry } from "../tree/tree.ts";

/** The tree that a job sees as its root. Nothing outside of it can be reached. */
export type View =
  | { kind: "folder"; path: string }
  /**
   * Put together in a mount namespace of the worker's own. `readOnly`: nothing can be written, also not to the upper folder,
   * which may be in use by a running container.
   */
  | {
      kind: "rootfs";
      rootfs: RootfsMount;
      binds?: readonly ViewBind[];
      readOnly?: boolean;
      /** Nothing of the upper folder is written to the disk on purpose. */
      volatile?: boolean;
    }
  /** What a running process sees. `mounts: false`: only its root file system, without what is mounted in it. */
  | { kind: "process"; pid: number; mounts?: boolean };

/** Unpacks a layer, an archive on stdin compressed in any way, into a folder. */
export interface ApplyJob {
  job: "apply";
  folder: string;
  /** See `WhiteoutMode`. */
  whiteouts: "overlay" | "remove" | "keep";
  /** Folders of the layers below, topmost first, for the attributes of folders that the archive does not list. */
  lower?: readonly string[];
  /** Names that climb out of the folder: an error (default), or as Docker has it for layers, names below it. */
  climbing?: "refuse" | "contain";
  /** Write all of it to the disk before the job ends. */
  sync?: boolean;
  /** The uncompressed archive's digest, when what comes was verified before: it is not computed again. */
  known?: Digest;
  /** Tell the digest of what comes on stdin. */
  inputDigest?: boolean;
  /**
   * stdin is a file that still grows to `size` bytes. `FOLLOW_FD` tells how many of them are there, and by its end that the
   * layers below are complete: only then are attributes taken from there. Instead of `lower`, `layers` says where they are
   * below `root` by then, topmost first, each at one of several places.
   */
  follow?: { size: number; root?: string; layers: readonly (readonly string[])[] };
}

export interface ApplyResult {
  /** Of the uncompressed archive: a layer's diff id. */
  diffId: Digest;
  /** Bytes of the uncompressed archive. */
  size: number;
  compression: Compression;
  /** Of what came on stdin, when it was asked for or is the diff id. */
  digest?: Digest;
  compressedSize: number;
  entries: number;
  /** Bytes of all files and of the texts of symbolic links: Docker's size of a layer. */
  contentSize: number;
  warnings: string[];
}

/** What may be asked of an archive that a job writes to stdout. */
export interface OutputOptions {
  /** Default `none`. */
  compression?: "none" | "gzip" | "zstd";
  level?: number;
  /** Compute `diffId` and `digest`. Without, large files go to stdout without being looked at. */
  digest?: boolean;
  subSecondTimes?: boolean;
  /** Holes of 64 KiB or more stay holes (PAX 1.0, which GNU tar, Go and Python read). Default true. */
  sparse?: boolean;
}

export interface OutputResult {
  /** Of the uncompressed archive, when asked for. */
  diffId?: Digest;
  /** Of what was written, when asked for. */
  digest?: Digest;
  /** Bytes of the uncompressed archive. */
  size: number;
  /** Bytes written. */
  compressedSize: number;
  entries: number;
  contentSize: number;
  warnings: string[];
}

/** Writes what a writable layer changed as a layer. */
export interface DiffJob extends OutputOptions {
  job: "diff";
  upper: string;
  /** `upper` is a patch over this folder: see `PackOptions.below`. */
  below?: string;
  /** `overlay`: `upper` holds the changes and overlayfs' marks. `whole`: a whole tree that is compared with `base`. */
  kind: "overlay" | "whole";
  /** Needed for `whole`. */
  base?: RootfsMount;
  /** Paths to leave out, with all below them. */
  exclude?: readonly string[];
}

/** Writes a whole tree: `docker export`. */
export interface PackJob extends OutputOptions {
  job: "pack";
  view: View;
  exclude?: readonly string[];
}

/** What `X-Docker-Container-Path-Stat` says. */
export interface PathStat {
  name: string;
  size: number;
  /** Bits of Go's os.FileMode. */
  mode: number;
  /** RFC 3339 with nanoseconds. */
  mtime: string;
  /** Where a link leads after all, in the container; empty for anything else. */
  linkTarget: string;
}

/** Docker's `GET /containers/{id}/archive`. The facts come before the archive. @throws not-found */
export interface ArchiveGetJob {
  job: "archive-get";
  view: View;
  path: string;
}

/**
 * Docker's `PUT /containers/{id}/archive`; the archive, compressed in any way, on stdin.
 * @throws not-found; invalid-parameter `extraction point is not a directory`; forbidden when it is read-only.
 */
export interface ArchivePutJob {
  job: "archive-put";
  view: View;
  path: string;
  noOverwriteDirNonDir?: boolean;
  /** Owner of everything that is made (`copyUIDGID` for a container with a user). */
  owner?: { uid: number; gid: number };
  /** The container's root file system is marked read-only, whatever the view can do. */
  readOnlyRoot?: boolean;
}

/** Docker's `HEAD /containers/{id}/archive`. @throws not-found */
export interface StatJob {
  job: "stat";
  view: View;
  path: string;
}

/** `docker diff`. */
export interface ChangesJob {
  job: "changes";
  upper: string;
  base: RootfsMount;
  kind: "overlay" | "whole";
}

export interface ChangesResult {
  changes: PathChange[];
  /** Bytes of the files that were added or modified. */
  size: number;
}

/** Fills empty volumes with what the image has at their places. */
export interface CopyUpJob {
  job: "copy-up";
  view: View;
  copies: readonly CopyUp[];
}

export interface CopyUp {
  /** In the view. When there is no such folder nothing is done. */
  from: string;
  /** The volume's folder on the host. */
  to: string;
  /** A file system that is mounted on `to` first, for this job only. */
  mount?: { type: string; source: string; options: readonly string[] };
  /** A folder in the volume; it must exist. */
  subpath?: string;
}

export interface CopyUpResult {
  /** For each copy: false when the volume had something in it, or there was nothing to copy. */
  copied: boolean[];
}

/** Small files as the view has them, links followed. */
export interface ReadFileJob {
  job: "read-file";
  view: View;
  paths: readonly string[];
  /** Bytes; a larger file is an error. */
  limit: number;
}

export interface ReadFileResult {
  /** base64 of each; null for what is not there or no regular file. */
  contents: (string | null)[];
}

export interface DiskUsageJob {
  job: "disk-usage";
  folder: string;
}

export interface DiskUsageResult {
  /** Bytes on disk, each file counted once. */
  allocated: number;
  /** Sum of the files' sizes, each counted once. */
  apparent: number;
  entries: number;
}

/** Sums of the sizes of the files in many folders, each file of a folder counted once. */
export interface FolderSizesJob {
  job: "folder-sizes";
  folders: readonly string[];
}

export interface FolderSizesResult {
  /** As the folders; null: it is not there. */
  sizes: (number | null)[];
}

/** Lists what patterns (Go's filepath.Match, part by part) stand for in a tree: see `ScanLine`. */
export interface ScanJob {
  job: "scan";
  view: View;
  patterns: readonly string[];
  /** With the digest of each entry. */
  digests: boolean;
}

/** A line of JSON on stdout: a match of a pattern (its index), followed by all that is in it, itself first. */
export type ScanLine = { pattern: number; match: Match } | { entry: TreeEntry };

export interface ScanResult {
  entries: number;
}

/** One source of COPY or ADD. */
export interface AssembleCopy {
  /** Index of the view. */
  source: number;
  /** Last part of its name: what a file is called in a destination that is a folder. */
  name: string;
  /** Below the destination, instead of the rules for files and folders (`--parents`). */
  as?: string;
  /** A file that is a tar archive is unpacked into the destination. */
  unpack: boolean;
  /** Owners stay as they are in the source, unless the job names one. Default: root. */
  keepOwner?: boolean;
  /** The source itself, then all of what is to be copied below it, parents first. */
  entries: readonly TreeEntry[];
}

/** COPY and ADD. Stamps of entries that do not fit any more are told, not refused. */
export interface AssembleJob {
  job: "assemble";
  target: View;
  sources: readonly View[];
  copies: readonly AssembleCopy[];
  /** Content in base64. */
  inline?: readonly { name: string; content: string }[];
  /** Folders to make, with their parents. */
  folders?: readonly string[];
  destination: string;
  /** The destination is a folder, whatever is there. */
  into: boolean;
  owner?: { uid: number; gid: number };
  mode?: { octal: number } | { symbolic: string };
  /** Seconds since 1970: no time is later, and new folders have it. */
  epoch?: number;
  /** The folder of the overlay's changes that the target writes to, to be hashed when all is there. */
  digest?: string;
}

export interface AssembleResult {
  /** A source changed since it was listed. */
  changed: boolean;
  /** Below the destination a symbolic link led to a folder: what was put there may have replaced, or been replaced by, something else. */
  followedLinks: boolean;
  entries: number;
  contentSize: number;
  warnings: string[];
  layer?: LayerDigest;
}

/** Which layers folders of overlayfs changes are: as `diff` would write them, without writing. */
export interface DigestsJob {
  job: "digests";
  layers: readonly { upper: string; below?: string }[];
}

export interface DigestsResult {
  layers: LayerDigest[];
}

/** A layer as a tar. */
export interface LayerDigest {
  diffId: Digest;
  /** Bytes of the tar. */
  size: number;
  contentSize: number;
}

/** Cuts all times in a tree: none is later than `epoch`, seconds since 1970. */
export interface ClampJob {
  job: "clamp";
  folder: string;
  epoch: number;
}

/** Compresses stdin as gzip, to stdout. @throws system when the content is not what its digest says: at its end. */
export interface GzipJob {
  job: "gzip";
  /** How the content is kept in what comes. */
  encoding: "identity" | "zstd";
  /** Of the content. */
  known: Digest;
}

export interface GzipResult {
  /** Of what was written. */
  digest: Digest;
  size: number;
}

/** Each kind of job with what it tells at its end, and before its data. */
export interface Jobs {
  apply: { job: ApplyJob; result: ApplyResult; facts: undefined };
  diff: { job: DiffJob; result: OutputResult; facts: undefined };
  pack: { job: PackJob; result: OutputResult; facts: undefined };
  "archive-get": { job: ArchiveGetJob; result: OutputResult; facts: PathStat };
  "archive-put": { job: ArchivePutJob; result: { warnings: string[] }; facts: undefined };
  stat: { job: StatJob; result: PathStat; facts: undefined };
  changes: { job: ChangesJob; result: ChangesResult; facts: undefined };
  "copy-up": { job: CopyUpJob; result: CopyUpResult; facts: undefined };
  "read-file": { job: ReadFileJob; result: ReadFileResult; facts: undefined };
  scan: { job: ScanJob; result: ScanResult; facts: undefined };
  assemble: { job: AssembleJob; result: AssembleResult; facts: undefined };
  digests: { job: DigestsJob; result: DigestsResult; facts: undefined };
  clamp: { job: ClampJob; result: { entries: number }; facts: undefined };
  gzip: { job: GzipJob; result: GzipResult; facts: undefined };
  "disk-usage": { job: DiskUsageJob; result: DiskUsageResult; facts: undefined };
  "folder-sizes": { job: FolderSizesJob; result: FolderSizesResult; facts: undefined };
}

export type JobName = keyof Jobs;
export type Job = Jobs[JobName]["job"];
export type ResultOf<J extends Job> = Jobs[J["job"]]["result"];
export type FactsOf<J extends Job> = Jobs[J["job"]]["facts"];

/** Lines of JSON that the worker writes to descriptor 3: facts at most once, then a result or an error. */
export type Reply = { facts: unknown } | { result: unknown } | { error: ReplyError };

export interface ReplyError {
  /** An `ErrorKind` of @berth/base. */
  kind: string;
  message: string;
  hint?: string;
  exitCode?: number;
  /** Of a system call that failed, such as `ENOSPC`. */
  code?: string;
}

/** Where the worker writes its replies, and reads a job that is too long for an argument. */
export const REPLY_FD = 3;
export const JOB_FD = 4;
/** Numbers of 8 bytes, little-endian: see `ApplyJob.follow`. */
export const FOLLOW_FD = 5;
/** Argument that stands for a job on `JOB_FD`. */
export const JOB_FROM_FD = "-";
