import type { Launch } from "../runtime.ts";

/** `launch.json` in the shim's folder: the engine's launch and what the runtime adds. */
export interface LaunchFile extends Launch {
  /** The OCI runtime's `--root`. */
  runtimeRoot: string;
  /** The host is cgroup hybrid: `/sys/fs/cgroup/unified` is hidden from the OCI runtime, because crun refuses to run beside it. */
  hideUnifiedCgroup: boolean;
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
  config: "config.json",
  rootfs: "rootfs",
  pid: "init.pid",
  log: "runtime.log",
  console: "console.sock",
} as const;

/** In the container's data folder; there only when the daemon was not there to take the exit. */
export const EXIT_FILE = "exit.json";
