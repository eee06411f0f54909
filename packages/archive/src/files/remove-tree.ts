import {
  AT,
  closeQuietly,
  Errno,
  fstat,
  isErrno,
  O,
  openat,
  readDirectory,
  S,
  type Stat,
  SyscallError,
  unlinkat,
} from "@berth/linux";
import { joined } from "./names.ts";

interface Level {
  name: string;
  /** Relative to the tree's top; only used with `keep`. */
  path: string;
  ino: bigint;
  device: number;
  /** Folders in it that still have to be removed. */
  folders: string[];
}

type Keep = (path: string) => boolean;

/**
 * Removes what `name` in an open folder is, with all that is below it; nothing happens when it does not exist. Symbolic
 * links are removed, not followed, and depth costs neither descriptors nor stack.
 * With `keep` (which is given paths relative to `name`) only the contents are removed, without the files and folders that
 * it spares, and the folders above those.
 * @throws SyscallError; ESTALE when somebody moves folders meanwhile.
 */
export function removeTree(parent: number, name: string, keep?: Keep): void {
  if (keep === undefined && unlinkFile(parent, name)) return;
  const levels: Level[] = [];
  let fd = openFolder(parent, name);
  if (fd === undefined) return;
  try {
    levels.push(enter(fd, name, "", keep));
    for (;;) {
      const level = levels.at(-1) as Level;
      const next = level.folders.pop();
      if (next !== undefined) {
        const child = openFolder(fd, next);
        if (child === undefined) continue;
        closeQuietly(fd);
        fd = child;
        levels.push(enter(fd, next, keep === undefined ? "" : joined(level.path, next), keep));
        continue;
      }
      levels.pop();
      if (levels.length === 0) break;
      fd = goUp(fd, levels.at(-1) as Level);
      if (!keep?.(level.path)) removeFolder(fd, level.name, keep !== undefined);
    }
  } finally {
    closeQuietly(fd);
  }
  if (keep === undefined) removeFolder(parent, name, false);
}

/** True when it is gone, false when it is a folder. */
function unlinkFile(parent: number, name: string): boolean {
  try {
    unlinkat(parent, name);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "EISDIR")) return false;
    throw error;
  }
}

function removeFolder(parent: number, name: string, mayHoldSomething: boolean): void {
  try {
    unlinkat(parent, name, AT.REMOVEDIR);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    if (mayHoldSomething && isErrno(error, "ENOTEMPTY", "EEXIST")) return;
    throw error;
  }
}

function openFolder(parent: number, name: string): number | undefined {
  try {
    return openat(parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

const deviceOf = (stat: Stat) => stat.deviceMajor * 0x10_0000 + stat.deviceMinor;

/** Removes the files of an open folder and notes its folders. */
function enter(fd: number, name: string, path: string, keep: Keep | undefined): Level {
  const stat = fstat(fd);
  const level: Level = { name, path, ino: stat.ino, device: deviceOf(stat), folders: [] };
  for (const entry of readDirectory(fd)) {
    if (entry.type === S.IFDIR) level.folders.push(entry.name);
    else if (!keep?.(joined(path, entry.name)) && !unlinkFile(fd, entry.name)) level.folders.push(entry.name);
  }
  return level;
}

/** Closes `fd` and opens the folder above it, which must be the one that we came from. */
function goUp(fd: number, above: Level): number {
  const up = openat(fd, "..", O.RDONLY | O.DIRECTORY);
  const stat = fstat(up);
  if (stat.ino !== above.ino || deviceOf(stat) !== above.device) {
    closeQuietly(up);
    throw new SyscallError("unlink", Errno.ESTALE, above.name);
  }
  closeQuietly(fd);
  return up;
}
