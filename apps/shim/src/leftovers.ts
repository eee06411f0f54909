import { existsSync, rmSync } from "node:fs";
import { kill, SIG } from "@berth/linux";
import type { LaunchFile } from "@berth/runtime";
import { cgroupOf, runtimeFolder } from "./launch.ts";

/** How long a shim may take to remove what its container had after it told of the end. */
const LEAVING_PATIENCE_MS = 5000;

/** Removes what an earlier shim of this container, which was killed, could not clean up. Never throws for a process that is gone. */
export function removeLeftovers(launch: LaunchFile): void {
  const folder = runtimeFolder(launch);
  if (!existsSync(folder)) return;
  // The one before may still be at it (`Launch.once`).
  for (let waited = 0; launch.once && waited < LEAVING_PATIENCE_MS; waited++) {
    if (!existsSync(folder)) return;
    Bun.sleepSync(1);
  }
  for (const pid of pidsOf(launch)) {
    try {
      kill(pid, SIG.KILL);
    } catch {
      // It ended meanwhile.
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

function pidsOf(launch: LaunchFile): number[] {
  try {
    return cgroupOf(launch)?.pids() ?? [];
  } catch {
    return [];
  }
}
