import type { Launch } from "../runtime.ts";

/** What is needed only while a container's bundle is made. */
type BundleField = "spec" | "rootfs" | "user" | "workingDirectory";

/** `launch.json` in the shim's folder: what a shim keeps of its launch as long as the container runs, and what the runtime adds. */
export interface LaunchFile extends Omit<Launch, BundleField> {
  /** The OCI runtime's `--root`. */
  runtimeRoot: string;
  /** What is run, for error sentences. */
  command: string;
  cgroupsPath?: string;
  /** A bind is to be a peer of the host's mount: the host's mounts must be at hand while the bundle is made. */
  reachesHost: boolean;
  /** The container's processes die with its init: it has a process namespace of its own. */
  ownProcesses: boolean;
}

/**
 * `bundle.json` beside it: what `config.json` and the root filesystem are made from. Apart, because a shim stays small when
 * it does not read this itself.
 */
export interface BundleFile extends Pick<Launch, BundleField> {
  /**
   * File with the seccomp profile as JSON text; `spec` has none then. Profiles are large and few: the shim puts the text into
   * `config.json` without reading it.
   */
  seccompFile?: string;
  /** Instead of it, for crun: file with the profile's compiled program in base64, for the annotation that crun takes it by. */
  seccompProgramFile?: string;
}

/** Names inside the shim's folder. */
export const SHIM_FILES = {
  socket: "shim.sock",
  launch: "launch.json",
  bundle: "bundle.json",
  config: "config.json",
  rootfs: "rootfs",
  runtime: "runtime",
  /** Beginning of the names of mounts that the runtime takes instead of what its mounts name (`pinned-mounts.ts` of the shim). */
  beneath: "beneath-",
  pid: "init.pid",
  log: "runtime.log",
  console: "console.sock",
} as const;

/** Bytes that an exec root may have: the longest path of a socket in it, an exec's console, fits into an address (unix(7)). */
export const LONGEST_EXEC_ROOT = 107 - "/shim/0123456789abcdef-012345/exec-0123456789abcdef.pid.sock".length;

/** In the container's data folder; there only when the daemon was not there to take the exit. */
export const EXIT_FILE = "exit.json";
