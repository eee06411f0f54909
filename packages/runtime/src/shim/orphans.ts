import { rmSync } from "node:fs";
import { log, quietly } from "@berth/base";
import { type Cgroup, kill, SIG } from "@berth/linux";
import { cgroupOf, readLaunch, runtimeFolder } from "./launch.ts";
import type { LaunchFile } from "./launch-file.ts";

/** How long processes may take to end after SIGKILL, milliseconds. */
const PATIENCE = 5000;

/**
 * Ends what a shim that was killed left of its container: processes that nobody watches any more, their control group, the OCI
 * runtime's state. The mounts and the network go with the last process. `directory`: the shim's. Never throws.
 */
export async function endOrphans(directory: string): Promise<void> {
  let launch: LaunchFile;
  try {
    launch = readLaunch(directory);
  } catch {
    return; // It had not begun.
  }
  const group = cgroupOf(launch);
  if (group !== undefined && !(await emptied(group))) {
    log.error("processes of a container whose shim was killed do not end", { id: launch.id });
    return;
  }
  quietly(() => group?.remove());
  rmSync(runtimeFolder(launch), { recursive: true, force: true });
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
