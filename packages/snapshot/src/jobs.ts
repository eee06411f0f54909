import type { RootfsMount } from "@berth/spec";
import type { Change } from "./snapshots.ts";

/** What reads files that containers and images made. Carried out by `berth worker` (@berth/archive), in a process of its own. */
export interface LayerJobs {
  /** Sum of the sizes of the files below a folder, each counted once. */
  diskUsage(folder: string): Promise<number>;
  /** What changed between `base` and `folder`: an overlay's upper folder, or a whole tree that began as a copy of `base`. */
  changes(folder: string, base: RootfsMount, kind: "overlay" | "copy"): Promise<Change[]>;
  /** Bytes of the files in a whole tree that were added or modified. */
  changedSize(folder: string, base: RootfsMount): Promise<number>;
}
