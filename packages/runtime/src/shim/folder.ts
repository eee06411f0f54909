import { lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { SHIM_FILES } from "./launch-file.ts";

/**
 * Removes a shim's folder, never what is mounted in it: the mount point is only removed when it is an empty folder,
 * so that a mount that could not be taken away loses nothing. Never throws.
 */
export function removeShimFolder(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (name === SHIM_FILES.rootfs) rmdirSync(path);
      else if (name.startsWith(SHIM_FILES.beneath) && lstatSync(path).isDirectory()) rmdirSync(path);
      else unlinkSync(path);
    }
    rmdirSync(directory);
  } catch {
    // It is gone, or still in use; the daemon's next start looks again.
  }
}
