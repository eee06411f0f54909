import { readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { SHIM_FILES } from "./launch-file.ts";

/**
 * Removes a shim's folder, never what is mounted in it: the mount point is only removed when it is an empty folder,
 * so that a mount that could not be taken away loses nothing. Never throws.
 */
export function removeShimFolder(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      if (name === SHIM_FILES.rootfs) rmdirSync(join(directory, name));
      else unlinkSync(join(directory, name));
    }
    rmdirSync(directory);
  } catch {
    // It is gone, or still in use; the daemon's next start looks again.
  }
}
