import {
  closeQuietly,
  encodeName,
  fstat,
  getXattr,
  isErrno,
  listXattrs,
  O,
  openat,
  read,
  readDirectory,
  readlinkat,
  S,
  type Stat,
  statIfExists,
} from "@berth/linux";
import { Directories } from "../files/directories.ts";
import { baseOf, folderOf, joined } from "../files/names.ts";
import { lazyNode } from "../lazy-node.ts";
import type { TreeEntry, TreeLookup } from "./tree.ts";

/** What a walk does with an entry: `descend` looks into a folder without listing it. */
export type Verdict = "take" | "skip" | "descend";
export type Accept = (path: string, isFolder: boolean) => Verdict;

const takeAll: Accept = () => "take";
const BUFFER = 1024 * 1024;

/**
 * Walks an open folder without following links: folders before what is in them, names sorted as bytes are not, but always in
 * the same order. A generator, so that the caller decides how long to work at once. What disappears meanwhile is left out.
 * @throws SyscallError
 */
export function* scanTree(root: number, from = "", accept: Accept = takeAll): Generator<TreeEntry> {
  using directories = new Directories(root);
  const parent = directories.find(folderOf(from)).fd;
  const stat = from === "" ? fstat(root) : statIfExists(parent, baseOf(from));
  if (stat === undefined) return;
  yield entryOf(parent, from === "" ? "." : baseOf(from), from, stat);
  if ((stat.mode & S.IFMT) === S.IFDIR) yield* scanFolder(root, from, from, accept);
}

function* scanFolder(parent: number, name: string, path: string, accept: Accept): Generator<TreeEntry> {
  let fd: number;
  try {
    fd = openat(parent, name === "" ? "." : name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return;
    throw error;
  }
  try {
    const names = readDirectory(fd).map((entry) => entry.name);
    names.sort();
    for (const child of names) {
      const childPath = joined(path, child);
      const stat = statIfExists(fd, child);
      if (stat === undefined || (stat.mode & S.IFMT) === S.IFSOCK) continue;
      const isFolder = (stat.mode & S.IFMT) === S.IFDIR;
      const verdict = accept(childPath, isFolder);
      if (verdict === "skip") continue;
      if (verdict === "take") yield entryOf(fd, child, childPath, stat);
      if (isFolder) yield* scanFolder(fd, child, childPath, accept);
    }
  } finally {
    closeQuietly(fd);
  }
}

function entryOf(parent: number, name: string, path: string, stat: Stat): TreeEntry {
  const { mode, uid, gid, size } = stat;
  return {
    path,
    mode,
    uid,
    gid,
    size,
    stamp: stampOf(stat),
    ...((mode & S.IFMT) === S.IFLNK && { link: readlinkat(parent, name) }),
  };
}

/** See `TreeEntry.stamp`. */
export function stampOf(stat: Stat): string {
  const { ino, size, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds } = stat;
  return `${ino}-${size}-${mtimeSeconds}.${mtimeNanoseconds}-${ctimeSeconds}.${ctimeNanoseconds}`;
}

/** When an entry was modified: seconds since 1970 and nanoseconds, as its stamp has them. */
export function modifiedOf({ stamp }: TreeEntry): string {
  return /^\d+-\d+-(-?\d+\.\d+)-/.exec(stamp)?.[1] ?? stamp;
}

/** Entries of one file system that have it in common are names of one file. */
export function inodeOf({ stamp }: TreeEntry): string {
  return stamp.slice(0, stamp.indexOf("-"));
}

/** Hashes files of one tree. */
export class TreeHasher implements Disposable {
  readonly #directories: Directories;
  #buffer: Uint8Array | undefined;

  constructor(root: number) {
    this.#directories = new Directories(root);
  }

  /** `TreeEntry.digest`. @throws SyscallError, also when the entry is not there any more */
  digest(entry: TreeEntry): string {
    const steps = this.digestInSteps(entry);
    for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
  }

  /** As `digest`; yields after each megabyte, for a caller that has other things to do. */
  *digestInSteps(entry: TreeEntry): Generator<void, string> {
    const kind = entry.mode & S.IFMT;
    const hash = lazyNode.crypto.createHash("sha256");
    hash.update(`${entry.mode.toString(8)}\n`);
    if (kind === S.IFLNK) {
      hash.update(encodeName(`link ${entry.link}`));
      return hash.digest("hex");
    }
    if (kind !== S.IFREG && kind !== S.IFDIR) {
      const stat = statIfExists(this.#directories.find(folderOf(entry.path)).fd, baseOf(entry.path));
      hash.update(`device ${stat?.rdevMajor}:${stat?.rdevMinor}`);
      return hash.digest("hex");
    }
    const folder = this.#directories.find(folderOf(entry.path)).fd;
    const flags = O.RDONLY | O.NOFOLLOW | (kind === S.IFDIR ? O.DIRECTORY : 0);
    const fd = openat(folder, entry.path === "" ? "." : baseOf(entry.path), flags);
    try {
      for (const name of listXattrs(fd).sort()) {
        if (!isMeaningful(name)) continue;
        const value = getXattr(fd, name);
        hash.update(`${name}=${value === undefined ? "" : Buffer.from(value).toString("hex")}\n`);
      }
      if (kind === S.IFREG) {
        hash.update("\n");
        this.#buffer ??= new Uint8Array(BUFFER);
        for (;;) {
          const count = read(fd, this.#buffer);
          if (count <= 0) break;
          hash.update(this.#buffer.subarray(0, count));
          if (count === BUFFER) yield;
        }
      }
    } finally {
      closeQuietly(fd);
    }
    return hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#directories[Symbol.dispose]();
  }
}

/** Not the host's own marks and labels. */
function isMeaningful(name: string): boolean {
  return !name.startsWith("trusted.") && name !== "security.selinux";
}

/** Look-ups on the disk. */
export class DiskLookup implements TreeLookup, Disposable {
  readonly #directories: Directories;

  constructor(root: number) {
    this.#directories = new Directories(root);
  }

  find(path: string) {
    if (path === "") return { mode: S.IFDIR | 0o755 };
    let folder: number;
    try {
      folder = this.#directories.find(folderOf(path)).fd;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
    const stat = statIfExists(folder, baseOf(path));
    if (stat === undefined) return undefined;
    if ((stat.mode & S.IFMT) !== S.IFLNK) return { mode: stat.mode };
    return { mode: stat.mode, link: readlinkat(folder, baseOf(path)) };
  }

  names(path: string): string[] {
    const { fd } = this.#directories.find(path);
    const copy = openat(fd, ".", O.RDONLY | O.DIRECTORY);
    try {
      return readDirectory(copy).map((entry) => entry.name);
    } finally {
      closeQuietly(copy);
    }
  }

  [Symbol.dispose](): void {
    this.#directories[Symbol.dispose]();
  }
}
