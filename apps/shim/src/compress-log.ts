import { posixSpawn } from "@berth/linux";

/** Compresses a rotated log beside the shim; the child is reaped with the others. gzip replaces the file when it is done. */
export function compressLog(path: string): void {
  posixSpawn({
    path: "/usr/bin/gzip",
    args: ["gzip", "-f", path],
    env: ["PATH=/usr/bin:/bin"],
    devNull: [0, 1, 2],
  });
}
