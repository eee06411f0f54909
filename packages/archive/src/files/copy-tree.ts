import {
  AT,
  closeQuietly,
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  fstat,
  futimens,
  getXattr,
  isErrno,
  linkat,
  listXattrs,
  lseek,
  makeDevice,
  mkdirat,
  mknodat,
  O,
  openat,
  readDirectory,
  readlinkat,
  renameat2,
  S,
  SEEK,
  type Stat,
  setXattr,
  statIfExists,
  symlinkat,
  unlinkat,
  utimensat,
} from "@berth/linux";
import { copyData } from "./copy-data.ts";
import { Directories } from "./directories.ts";
import { baseOf, folderOf, joined } from "./names.ts";

/** A file has this name while it is written; what a crash leaves of it is removed by the next copy. */
const UNFINISHED = ".berth-copying";

/**
 * Copies what is in one open folder into another: content, owners, modes, attributes, times, links between files, holes.
 * What the target has already is left as it is; since a file gets its name when it is complete, a copy that was broken off
 * is finished by doing it again. The folder's own attributes are copied last. Sockets are left out.
 * @throws SyscallError
 */
export function copyTree(from: number, to: number): void {
  new TreeCopy(from, to).run();
}

interface Level {
  path: string;
  names: string[];
}

class TreeCopy {
  readonly #from: Directories;
  readonly #to: Directories;
  /** First copy of a file with several names, by device and inode. */
  readonly #links = new Map<string, string>();

  constructor(from: number, to: number) {
    this.#from = new Directories(from);
    this.#to = new Directories(to);
  }

  run(): void {
    try {
      const levels: Level[] = [this.#enter("")];
      for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
        const name = level.names.pop();
        if (name === undefined) {
          levels.pop();
          copyAttributes(this.#from.find(level.path).fd, this.#to.find(level.path).fd);
          continue;
        }
        const child = this.#copy(joined(level.path, name), name);
        if (child !== undefined) levels.push(child);
      }
    } finally {
      this.#from[Symbol.dispose]();
      this.#to[Symbol.dispose]();
    }
  }

  #enter(path: string): Level {
    const { fd } = this.#from.find(path);
    lseek(fd, 0, SEEK.SET);
    return { path, names: readDirectory(fd).map((entry) => entry.name) };
  }

  #copy(path: string, name: string): Level | undefined {
    const source = this.#from.find(folderOf(path)).fd;
    const target = this.#to.find(folderOf(path)).fd;
    const stat = statIfExists(source, name);
    if (stat === undefined) return undefined;
    const kind = stat.mode & S.IFMT;
    if (kind === S.IFDIR) {
      const made = attempt(() => mkdirat(target, name, 0o700));
      const found = made ? undefined : statIfExists(target, name);
      return made || (found !== undefined && (found.mode & S.IFMT) === S.IFDIR)
        ? this.#enter(path)
        : undefined;
    }
    if (kind === S.IFSOCK || statIfExists(target, name) !== undefined) return undefined;
    if (stat.nlink > 1 && this.#link(stat, target, path)) return undefined;
    if (kind === S.IFREG) copyFile(source, target, name);
    else copySpecial(source, target, name, stat);
    return undefined;
  }

  #link(stat: Stat, target: number, path: string): boolean {
    const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, path);
      return false;
    }
    const copy = openat(target, ".", O.RDONLY | O.DIRECTORY);
    try {
      linkat(this.#to.find(folderOf(first)).fd, baseOf(first), copy, baseOf(path));
    } finally {
      closeQuietly(copy);
    }
    return true;
  }
}

/** False when the name is taken. */
function attempt(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

function copyFile(source: number, target: number, name: string): void {
  const from = openat(source, name, O.RDONLY | O.NOFOLLOW);
  let to = -1;
  try {
    const stat = fstat(from);
    const flags = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW;
    if (
      !attempt(() => {
        to = openat(target, UNFINISHED, flags, 0o600);
      })
    ) {
      unlinkat(target, UNFINISHED);
      to = openat(target, UNFINISHED, flags, 0o600);
    }
    copyData(from, to, stat.size, stat.blocks * 512);
    copyAttributes(from, to);
    renameat2(target, UNFINISHED, target, name);
  } finally {
    closeQuietly(to);
    closeQuietly(from);
  }
}

function copySpecial(source: number, target: number, name: string, stat: Stat): void {
  if ((stat.mode & S.IFMT) === S.IFLNK) {
    symlinkat(readlinkat(source, name), target, name);
  } else {
    mknodat(target, name, stat.mode, makeDevice(stat.rdevMajor, stat.rdevMinor));
  }
  fchownat(target, name, stat.uid, stat.gid, AT.SYMLINK_NOFOLLOW);
  if ((stat.mode & S.IFMT) !== S.IFLNK) fchmodat(target, name, stat.mode & 0o7777);
  const [access, modification] = timesOf(stat);
  utimensat(target, name, access, modification, AT.SYMLINK_NOFOLLOW);
}

/** Owner, mode, attributes and times of an open file or folder. */
export function copyAttributes(from: number, to: number): void {
  const stat = fstat(from);
  fchown(to, stat.uid, stat.gid);
  fchmod(to, stat.mode & 0o7777);
  for (const name of listXattrs(from)) {
    // The host's own, such as overlayfs' marks.
    const value = name.startsWith("trusted.") ? undefined : getXattr(from, name);
    if (value === undefined) continue;
    try {
      setXattr(to, name, value);
    } catch (error) {
      if (!isErrno(error, "EOPNOTSUPP", "EPERM")) throw error;
    }
  }
  futimens(to, ...timesOf(stat));
}

function timesOf(stat: Stat) {
  return [
    { seconds: stat.atimeSeconds, nanoseconds: stat.atimeNanoseconds },
    { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds },
  ] as const;
}
