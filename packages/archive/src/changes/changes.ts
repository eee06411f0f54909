import {
  closeQuietly,
  type DirectoryEntry,
  getXattr,
  lseek,
  O,
  openat,
  readDirectory,
  S,
  SEEK,
  type Stat,
  statIfExists,
} from "@berth/linux";
import { CAPACITY, Directories } from "../files/directories.ts";
import { joined } from "../files/names.ts";
import { isWhiteoutDevice } from "../pack/overlay-marks.ts";

/** Engine API: 0 modified, 1 added, 2 deleted. */
export type ChangeKind = 0 | 1 | 2;
export const MODIFIED = 0;
export const ADDED = 1;
export const DELETED = 2;

export interface PathChange {
  /** Absolute, as the container sees it. */
  path: string;
  kind: ChangeKind;
}

export interface ChangeList {
  changes: PathChange[];
  /** Bytes of the regular files that were added or modified. */
  size: number;
}

export interface ChangesOptions {
  /** Open folder with the changes. */
  upper: number;
  /** Open folders below it, topmost first; several are layers of an overlay. */
  lower: readonly number[];
  /**
   * `overlay`: the upper folder holds only what changed, and overlayfs' marks; `whole`: it holds everything, and what is not
   * there was deleted.
   */
  kind: "overlay" | "whole";
}

interface Level {
  path: string;
  entries: DirectoryEntry[];
  next: number;
  /** Indexes of the lower folders that have this folder, topmost first. */
  lower: number[];
  /** Where this folder's own line goes if something in it changed; -1 when it has one already. */
  at: number;
}

/**
 * What differs between an upper folder and what lies below it, as `docker diff` tells it: folders count as changed only by
 * owner and mode, or because something in them did; below a deleted folder nothing is listed. Sorted by path.
 * @throws SyscallError
 */
export function listChanges(options: ChangesOptions): ChangeList {
  return new Comparison(options).run();
}

const DESCRIPTORS = 512;

class Comparison {
  readonly #whole: boolean;
  readonly #upper: Directories;
  readonly #lower: Directories[];
  readonly #changes: PathChange[] = [];
  #size = 0;

  constructor(options: ChangesOptions) {
    this.#whole = options.kind === "whole";
    this.#upper = new Directories(options.upper);
    // All layers together must stay within the usual limit of 1,024 descriptors.
    const capacity = Math.min(CAPACITY, Math.floor(DESCRIPTORS / Math.max(1, options.lower.length)));
    this.#lower = options.lower.map((fd) => new Directories(fd, { folder: fd, prefix: "" }, capacity));
  }

  run(): ChangeList {
    try {
      const levels: Level[] = [
        this.#enter(
          "",
          this.#lower.map((_, i) => i),
          -1,
        ),
      ];
      for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
        const entry = level.entries[level.next++];
        if (entry === undefined) levels.pop();
        else {
          const child = this.#compare(level, entry.name, levels);
          if (child !== undefined) levels.push(child);
        }
      }
      const bytes = new Map(this.#changes.map((change) => [change, Buffer.from(change.path)]));
      this.#changes.sort((a, b) => Buffer.compare(bytes.get(a)!, bytes.get(b)!));
      return { changes: this.#changes, size: this.#size };
    } finally {
      this.#upper[Symbol.dispose]();
      for (const directories of this.#lower) directories[Symbol.dispose]();
    }
  }

  /** Lists a folder of the upper; deletes that its being opaque (or whole) means are noted. */
  #enter(path: string, lower: number[], at: number): Level {
    const { fd } = this.#upper.find(path);
    lseek(fd, 0, SEEK.SET);
    const level: Level = { path, entries: readDirectory(fd), next: 0, lower, at };
    if (lower.length > 0 && (this.#whole || isOpaque(fd))) {
      const here = new Set(level.entries.map((entry) => entry.name));
      for (const name of this.#namesBelow(level)) {
        if (!here.has(name)) level.entries.push({ name, ino: 0n, type: 0 });
      }
    }
    return level;
  }

  /** Names that the folder has in the layers below, merged. */
  #namesBelow(level: Level): Set<string> {
    const names = new Set<string>();
    for (const index of level.lower) {
      const { fd } = this.#lower[index]!.find(level.path);
      lseek(fd, 0, SEEK.SET);
      for (const entry of readDirectory(fd)) names.add(entry.name);
    }
    return names;
  }

  #compare(level: Level, name: string, levels: readonly Level[]): Level | undefined {
    const path = joined(level.path, name);
    const now = statIfExists(this.#upper.find(level.path).fd, name);
    const before = this.#before(level, name);
    if (now === undefined || (!this.#whole && isWhiteoutDevice(now))) {
      if (before.stat !== undefined) this.#add(path, DELETED, levels);
      return undefined;
    }
    let own = -1;
    if (before.stat === undefined) this.#add(path, ADDED, levels);
    else if (isDifferent(before.stat, now) || this.#capabilityDiffers(level, name, before.index, now)) {
      this.#add(path, MODIFIED, levels);
    } else own = 0;
    if (own < 0 && (now.mode & S.IFMT) === S.IFREG) this.#size += now.size;
    if ((now.mode & S.IFMT) !== S.IFDIR) return undefined;
    return this.#enter(path, before.folders, own);
  }

  /** What the layers below had at a name, and which of them still count when it was a folder. */
  #before(level: Level, name: string): { stat: Stat | undefined; index: number; folders: number[] } {
    const folders: number[] = [];
    let stat: Stat | undefined;
    let first = -1;
    for (const index of level.lower) {
      const parent = this.#lower[index]!.find(level.path).fd;
      const found = statIfExists(parent, name);
      if (found === undefined) continue;
      const isFolder = (found.mode & S.IFMT) === S.IFDIR;
      if (isWhiteoutDevice(found) && this.#lower.length > 0 && !this.#whole) break;
      if (stat === undefined) {
        stat = found;
        first = index;
      }
      if (!isFolder) break;
      folders.push(index);
      if (!this.#whole && isOpaqueAt(parent, name)) break;
    }
    return { stat, index: first, folders };
  }

  /** Adds a line, and lines for the folders above that have none yet. */
  #add(path: string, kind: ChangeKind, levels: readonly Level[]): void {
    for (const level of levels) {
      if (level.at < 0 || level.path === "") continue;
      level.at = -1;
      this.#changes.push({ path: `/${level.path}`, kind: MODIFIED });
    }
    this.#changes.push({ path: `/${path}`, kind });
  }

  #capabilityDiffers(level: Level, name: string, index: number, now: Stat): boolean {
    if ((now.mode & S.IFMT) !== S.IFREG) return false;
    const before = capability(this.#lower[index]!.find(level.path).fd, name);
    const after = capability(this.#upper.find(level.path).fd, name);
    return before !== after;
  }
}

/** Docker compares neither size nor time of folders: they change with what is in them. */
function isDifferent(before: Stat, now: Stat): boolean {
  if (before.mode !== now.mode || before.uid !== now.uid || before.gid !== now.gid) return true;
  if (before.rdevMajor !== now.rdevMajor || before.rdevMinor !== now.rdevMinor) return true;
  if ((now.mode & S.IFMT) === S.IFDIR) return false;
  return before.size !== now.size || !isSameTime(before, now);
}

/** A time that came out of an archive has no nanoseconds, and says nothing about them. */
function isSameTime(before: Stat, now: Stat): boolean {
  if (before.mtimeSeconds !== now.mtimeSeconds) return false;
  const { mtimeNanoseconds: a } = before;
  const { mtimeNanoseconds: b } = now;
  return a === b || a === 0 || b === 0;
}

function capability(folder: number, name: string): string {
  const fd = openat(folder, name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
  try {
    return Buffer.from(getXattr(fd, "security.capability") ?? []).toString("hex");
  } finally {
    closeQuietly(fd);
  }
}

function isOpaque(fd: number): boolean {
  return getXattr(fd, "trusted.overlay.opaque")?.[0] === 0x79;
}

function isOpaqueAt(parent: number, name: string): boolean {
  const fd = openat(parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  try {
    return isOpaque(fd);
  } finally {
    closeQuietly(fd);
  }
}
