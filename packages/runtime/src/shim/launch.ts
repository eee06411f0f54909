import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quietly } from "@berth/base";
import { type Cgroup, openCgroup } from "@berth/linux";
import { type LaunchFile, SHIM_FILES } from "./launch-file.ts";

/** `launch.json` of a shim's folder. */
export function readLaunch(directory: string): LaunchFile {
  return JSON.parse(readFileSync(join(directory, SHIM_FILES.launch), "utf8")) as LaunchFile;
}

/** Where the OCI runtime keeps the container's state; made before anything else of it. */
export function runtimeFolder({ runtimeRoot, id }: LaunchFile): string {
  return join(runtimeRoot, id);
}

/** Undefined: it has none, or none any more. */
export function cgroupOf({ cgroupsPath }: LaunchFile): Cgroup | undefined {
  return cgroupsPath === undefined ? undefined : quietly(() => openCgroup(cgroupsPath));
}
