import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { log } from "@berth/base";
import { type Cgroup, kill, openCgroup, SIG } from "@berth/linux";
import { type LaunchFile, SHIM_FILES } from "./launch-file.ts";

/** How long processes may take to end after SIGKILL, milliseconds. */
const PATIENCE = 5000;

/**
 * Ends what a shim that was killed left of its container: processes that nobody watches any more, their control group, the OCI
 * runtime's state. The mounts and the network go with the last process. `directory`: the shim's. Never throws.
 */
export async function endOrphans(directory: string): Promise<void> {
  let launch: LaunchFile;
  try {
    launch = JSON.parse(readFileSync(join(directory, SHIM_FILES.launch), "utf8")) as LaunchFile;
  } catch {
    return; // It had not begun.
  }
  const { id, cgroupsPath, runtimeRoot } = launch;
  const group = cgroupsPath === undefined ? undefined : quietly(() => openCgroup(cgroupsPath));
  if (group !== undefined && !(await emptied(group))) {
    log.error("processes of a container whose shim was killed do not end", { id });
    return;
  }
  quietly(() => group?.remove());
  rmSync(join(runtimeRoot, id), { recursive: true, force: true });
}

async function emptied(group: Cgroup): Promise<boolean> {
  for (const deadline = Date.now() + PATIENCE; ; await Bun.sleep(10)) {
    const left = quietly(() => group.pids()) ?? [];
    if (left.length === 0) return true;
    if (Date.now() > deadline) return false;
    // A frozen process does not see its end.
    quietly(() => group.thaw());
    for (const pid of left) quietly(() => kill(pid, SIG.KILL));
  }
}

function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
