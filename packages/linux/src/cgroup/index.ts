import { posix } from "node:path";
import type { Cgroup, CgroupMode } from "./cgroup.ts";
import { exists } from "./files.ts";
import { CgroupV1 } from "./v1.ts";
import { CgroupV2 } from "./v2.ts";

export type { BlkioValue, Cgroup, CgroupLimits, CgroupMode, CgroupStats } from "./cgroup.ts";
export { type HostCpu, hostCpu } from "./host-cpu.ts";

export const CGROUP_ROOT = "/sys/fs/cgroup";

/** Which version of cgroups is mounted at `root`. */
export function cgroupMode(root = CGROUP_ROOT): CgroupMode {
  if (exists(`${root}/cgroup.controllers`)) return "v2";
  return exists(`${root}/unified/cgroup.controllers`) ? "hybrid" : "v1";
}

/** The group that `cgroupsPath` of an OCI spec (an absolute path below the hierarchies' roots) names. It may not exist yet. */
export function openCgroup(cgroupsPath: string, root = CGROUP_ROOT): Cgroup {
  const path = posix.normalize(`/${cgroupsPath}`).replace(/\/$/, "");
  if (path === "") throw new RangeError("a cgroup path must name a group below the root");
  const mode = cgroupMode(root);
  return mode === "v2" ? new CgroupV2(root, path) : new CgroupV1(mode, root, path);
}
