/** Removes what a scope holds in the kernel and on disk, by force. For runs that crashed, and as the last step of every run. */
import { rmdirSync, writeFileSync } from "node:fs";
import { leftovers } from "./leaks.ts";
import { abandonedScopes, releaseAbandonedBlocks, releaseScope, type Scope } from "./scope.ts";
import { eventually } from "./wait.ts";

function quiet(...argv: string[]): boolean {
  return Bun.spawnSync(argv, { stdin: "ignore", stdout: "ignore", stderr: "ignore" }).success;
}

function thaw(cgroup: string): void {
  for (const [file, value] of [
    ["freezer.state", "THAWED"],
    ["cgroup.freeze", "0"],
  ] as const) {
    try {
      writeFileSync(`${cgroup}/${file}`, value);
    } catch {
      // The other kind of cgroup.
    }
  }
}

/** @throws when processes, mounts or cgroups of the scope do not go away. */
export async function clearScope(scope: Scope, ids: readonly string[] = []): Promise<void> {
  await eventually(
    `no process of ${scope.directory}`,
    () => {
      const left = leftovers(scope, ids);
      for (const path of left.cgroups) thaw(path);
      for (const { pid } of left.processes) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has just ended.
        }
      }
      return left.processes.length === 0;
    },
    20,
  );
  const left = leftovers(scope, ids);
  for (const path of left.mounts) if (!quiet("umount", path)) quiet("umount", "--lazy", path);
  for (const table of left.tables) quiet("nft", "delete", "table", ...table.split(" "));
  for (const link of left.links) quiet("ip", "link", "delete", link);
  for (const path of left.cgroups) {
    try {
      rmdirSync(path);
    } catch {
      // Busy until its last process is reaped; the next sweep gets it.
    }
  }
}

/** Clears every scope whose owner is gone. Cheap when there is none. */
export async function sweep(): Promise<void> {
  for (const scope of abandonedScopes()) {
    await clearScope(scope);
    releaseScope(scope);
  }
  releaseAbandonedBlocks(abandonedScopes().map((scope) => scope.block));
}

if (import.meta.main) await sweep();
