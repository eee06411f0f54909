import {
  AT,
  closeQuietly,
  isErrno,
  O,
  open,
  openat,
  readDirectory,
  S,
  type Stat,
  statIfExists,
  unlinkat,
} from "@berth/linux";
import type { LayerStack } from "../layers/stack.ts";

/**
 * `isDifference`: the layer holds only what changed (overlayfs), not a whole tree.
 * Takes away what a step's mounts left in its layer: empty files and folders that the OCI runtime made as places for them, and
 * folders that were copied up for nothing but that. Whatever the step itself made or changed stays.
 * `places`: absolute paths in the container.
 */
export function cleanPlaces(
  layer: string,
  below: LayerStack,
  places: readonly string[],
  isDifference: boolean,
): void {
  const root = open(layer, O.RDONLY | O.DIRECTORY);
  try {
    for (const place of [...new Set(places)].sort((a, b) => b.length - a.length)) {
      const parts = place.split("/").filter((part) => part !== "" && part !== ".");
      if (parts.includes("..")) continue;
      for (let length = parts.length; length > 0; length--) {
        if (!removeIfPlace(root, parts.slice(0, length), below, isDifference)) break;
      }
    }
  } finally {
    closeQuietly(root);
  }
}

/** False when it stays, and so the folders above. What is not there counts as removed. */
function removeIfPlace(
  root: number,
  parts: readonly string[],
  below: LayerStack,
  isDifference: boolean,
): boolean {
  const name = parts.at(-1) as string;
  const folder = openFolder(root, parts.slice(0, -1));
  if (folder === undefined) return true;
  try {
    const stat = statIfExists(folder, name);
    if (stat === undefined) return true;
    const before = below.at(parts.join("/"))?.stat;
    if ((stat.mode & S.IFMT) === S.IFREG) {
      if (before !== undefined || stat.size !== 0) return false;
      unlinkat(folder, name);
      return true;
    }
    if ((stat.mode & S.IFMT) !== S.IFDIR || (before !== undefined && !(isDifference && isSame(stat, before))))
      return false;
    const child = openat(folder, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    const isEmpty = readDirectory(child).length === 0;
    closeQuietly(child);
    if (!isEmpty) return false;
    unlinkat(folder, name, AT.REMOVEDIR);
    return true;
  } finally {
    closeQuietly(folder);
  }
}

function isSame(a: Stat, b: Stat): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

function openFolder(root: number, parts: readonly string[]): number | undefined {
  let fd = openat(root, ".", O.RDONLY | O.DIRECTORY);
  for (const part of parts) {
    try {
      const next = openat(fd, part, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      closeQuietly(fd);
      fd = next;
    } catch (error) {
      closeQuietly(fd);
      if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw error;
    }
  }
  return fd;
}
