import type { BuildResult, SourceExcerpt } from "./builder.ts";
import type { ProgressEvent } from "./progress.ts";

/** A folder that client and daemon both see; both numbers as digits. */
export interface NativeFolder {
  /** Absolute. */
  path: string;
  device: string;
  inode: string;
}

/** A folder that the client has not looked at. */
export interface UnseenFolder {
  /** Absolute. */
  path: string;
  device?: undefined;
  inode?: undefined;
}

/** A process of the machine, as the system knows it. */
export interface NativeProcess {
  pid: number;
  /** What follows the program's name. */
  arguments: readonly string[];
}

/** A file or folder, which may not be there yet, in a folder that client and daemon both see. */
export interface NativePlace {
  /** Absolute. */
  path: string;
  /** The nearest folder above it that is there, or itself. */
  within: NativeFolder;
}

/** Body of `POST /berth/build`: BuildKit's frontend attributes beside what both sides can reach directly. */
export interface NativeBuildRequest {
  ref?: string;
  /** As of BuildKit's frontend `dockerfile.v0`: filename, target, build-arg:…, label:…, context:…, no-cache, platform, … */
  attributes: Record<string, string>;
  exporters: {
    type: string;
    attributes: Record<string, string>;
    /** Written by the daemon; absent: into the image store, or through the session. */
    output?: { kind: "folder" | "file" } & NativePlace;
  }[];
  /** `folder`: of the type `local`. */
  cacheImports?: { type: string; attributes: Record<string, string>; folder?: NativePlace }[];
  cacheExports?: { type: string; attributes: Record<string, string>; folder?: NativePlace }[];
  entitlements?: string[];
  /** Name of an open session, for files, secrets, keys and credentials. */
  session?: string;
  /** By name, as in the attributes `contextkey`, `dockerfilekey`, `context:…=local:name`. */
  folders?: Record<string, NativeFolder | UnseenFolder>;
  /**
   * The client itself, where it has not looked at its folders: when it sees the same files as the daemon, which it shows by what the
   * system knows of it, they are the same ones. They, and the Dockerfile, have to be there.
   */
  client?: NativeProcess;
  /** The result tells why each step was or was not cached. */
  explain?: boolean;
  /** Progress is told of a build that fails only, with the last of its output. */
  quiet?: boolean;
}

/** A failed build as it is told; `source` as of BuildError. */
export interface NativeFailure {
  message: string;
  kind?: string;
  hint?: string;
  vertexName?: string;
  output?: string;
  processExitCode?: number;
  source?: SourceExcerpt;
}

/** A line of the answer. Times are strings of digits and log data is base64 on the wire. */
export type NativeMessage =
  | ProgressEvent
  | { type: "result"; result: BuildResult }
  | { type: "error"; error: NativeFailure };
