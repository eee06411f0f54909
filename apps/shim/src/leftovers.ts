import { existsSync, rmSync } from "node:fs";
import { quietly } from "@berth/base";
import { kill, SIG } from "@berth/linux";
import { cgroupOf, type LaunchFile, runtimeFolder } from "@berth/runtime";

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
  for (const pid of quietly(() => cgroupOf(launch)?.pids()) ?? []) quietly(() => kill(pid, SIG.KILL));
  rmSync(folder, { recursive: true, force: true });
}
