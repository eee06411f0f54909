import { invalidParameter } from "@berth/base";
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
  makeDevice,
  mkdirat,
  mknodat,
  O,
  openat,
  readlinkat,
  S,
  type Stat,
  setXattr,
  statIfExists,
  symlinkat,
  unlinkat,
  utimensat,
  writeAll,
} from "@berth/linux";
import { copyData } from "../files/copy-data.ts";
import { Directories } from "../files/directories.ts";
import { baseOf, folderOf } from "../files/names.ts";
import { applyFileMode, type ModeChange } from "./mode.ts";
import { DiskLookup, stampOf } from "./scan.ts";
import { resolveNewInTree } from "./select.ts";
import type { TreeEntry } from "./tree.ts";

/** Nanoseconds do not count here: seconds since 1970 that no time may be later than. */
export interface PlaceOptions {
  owner?: { uid: number; gid: number };
  /** Permission bits for everything. */
  mode?: ModeChange;
  /** Times are cut at this second, and new folders have it. */
  epoch?: number;
}

const ROOT = { uid: 0, gid: 0 };

type Time = { seconds: number; nanoseconds: number };

/**
 * Puts entries of other trees into one, as COPY does: content, permissions, attributes, times; root owns it unless another
 * owner is given. Files replace files, folders are merged. Links on the way are followed inside the tree only.
 * @throws invalid-parameter when a file and a folder are in each other's place; SyscallError
 */
export class TreePlacer implements Disposable {
  readonly #to: Directories;
  readonly #options: PlaceOptions;
  /** First copy of a file with several names, by source and inode. */
  readonly #links = new Map<string, string>();
  /** Folders that were made, whose times are set at the end, when nothing is put into them any more. */
  readonly #times: { path: string; time: Time }[] = [];
  /** Of what is being made just now. */
  #owner: { uid: number; gid: number } = ROOT;
  entries = 0;
  contentSize = 0;
  /** A source was not what the listing said. */
  changed = false;

  constructor(root: number, options: PlaceOptions) {
    this.#to = new Directories(root);
    this.#options = options;
  }

  /** See `Directories.followedLinks`, of the tree that is written. */
  get followedLinks(): boolean {
    return this.#to.followedLinks;
  }

  /** The kind of what is at a path, links followed: undefined when nothing is. */
  kindAt(path: string): number | undefined {
    if (path === "") return S.IFDIR;
    try {
      this.#to.find(path);
      return S.IFDIR;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      if (!isErrno(error, "ENOTDIR")) throw error;
    }
    try {
      const stat = statIfExists(this.#to.find(folderOf(path)).fd, baseOf(path));
      return stat === undefined ? undefined : stat.mode & S.IFMT;
    } catch (error) {
      if (isErrno(error, "ENOTDIR", "ENOENT")) return undefined;
      throw error;
    }
  }

  /** Where a destination is after all links, also the last one, and also where nothing is yet. @throws SyscallError ELOOP */
  resolve(path: string): string {
    using lookup = new DiskLookup(this.#to.root);
    return resolveNewInTree(lookup, path);
  }

  /** Makes a folder with its parents, 0755; what is there stays. */
  makeFolder(path: string): number {
    try {
      return this.#to.make(path, (made, fd) => {
        const { uid, gid } = this.#options.owner ?? { uid: 0, gid: 0 };
        fchown(fd, uid, gid);
        fchmod(fd, 0o755);
        const { epoch } = this.#options;
        if (epoch !== undefined) this.#times.push({ path: made, time: { seconds: epoch, nanoseconds: 0 } });
      }).fd;
    } catch (error) {
      if (isErrno(error, "ENOTDIR")) throw invalidParameter(`cannot copy to non-directory: /${path}`);
      throw error;
    }
  }

  /** A new file with this content. */
  write(path: string, content: Uint8Array, mode: number): void {
    const parent = this.makeFolder(folderOf(path));
    this.#clear(parent, path);
    this.#owner = this.#options.owner ?? ROOT;
    const fd = openat(parent, baseOf(path), O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
    try {
      writeAll(fd, content);
      this.#finish(fd, mode, undefined);
    } finally {
      closeQuietly(fd);
    }
    this.#count(content.length);
  }

  /** Copies one entry of an open tree to `path`. `source`: names the tree, for links between files. */
  copy(
    source: string,
    from: Directories,
    entry: TreeEntry,
    path: string,
    how: { isTop: boolean; keepOwner: boolean },
  ): void {
    const { isTop } = how;
    const folder = from.find(folderOf(entry.path)).fd;
    const name = entry.path === "" ? "." : baseOf(entry.path);
    const stat = statIfExists(folder, name);
    if (stat === undefined || (stat.mode & S.IFMT) !== (entry.mode & S.IFMT)) {
      this.changed = true;
      return;
    }
    if (stampOf(stat) !== entry.stamp && (stat.mode & S.IFMT) !== S.IFDIR) this.changed = true;
    this.#owner = this.#options.owner ?? (how.keepOwner ? { uid: stat.uid, gid: stat.gid } : ROOT);
    const kind = stat.mode & S.IFMT;
    if (kind === S.IFDIR) {
      this.#copyFolder(folder, name, stat, path, isTop);
      return;
    }
    const parent = this.makeFolder(folderOf(path));
    this.#clear(parent, path);
    if (kind === S.IFREG && stat.nlink > 1 && this.#link(source, stat, parent, path)) return;
    if (kind === S.IFREG) this.#copyFile(folder, name, parent, baseOf(path));
    else this.#copySpecial(folder, name, stat, parent, baseOf(path));
  }

  /** Sets what was put off. */
  finish(): void {
    for (const { path, time } of this.#times.reverse()) {
      futimens(this.#to.find(path).fd, time, time);
    }
  }

  #copyFolder(folder: number, name: string, stat: Stat, path: string, isTop: boolean): void {
    if (isTop) {
      // What is copied is its content: the folder itself is the destination's own.
      this.makeFolder(path);
      this.entries++;
      return;
    }
    if (path !== "" && this.kindAt(path) === undefined) {
      const parent = this.makeFolder(folderOf(path));
      mkdirat(parent, baseOf(path), 0o700);
    }
    // Makes it an error when it is no folder.
    const fd = this.makeFolder(path);
    this.entries++;
    const source = openat(folder, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    try {
      this.#finish(fd, stat.mode, source);
    } finally {
      closeQuietly(source);
    }
    this.#times.push({ path, time: this.#time(stat) });
  }

  #copyFile(folder: number, name: string, parent: number, target: string): void {
    const from = openat(folder, name, O.RDONLY | O.NOFOLLOW);
    let to = -1;
    try {
      const stat = fstat(from);
      to = openat(parent, target, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
      copyData(from, to, stat.size, stat.blocks * 512);
      this.#finish(to, stat.mode, from);
      const time = this.#time(stat);
      futimens(to, time, time);
      this.#count(stat.size);
    } finally {
      closeQuietly(to);
      closeQuietly(from);
    }
  }

  #copySpecial(folder: number, name: string, stat: Stat, parent: number, target: string): void {
    const isLink = (stat.mode & S.IFMT) === S.IFLNK;
    const { uid, gid } = this.#owner;
    if (isLink) symlinkat(readlinkat(folder, name), parent, target);
    else mknodat(parent, target, stat.mode, makeDevice(stat.rdevMajor, stat.rdevMinor));
    fchownat(parent, target, uid, gid, AT.SYMLINK_NOFOLLOW);
    if (!isLink) fchmodat(parent, target, this.#mode(stat.mode));
    const time = this.#time(stat);
    utimensat(parent, target, time, time, AT.SYMLINK_NOFOLLOW);
    this.#count(0);
  }

  /** Owner, attributes, permissions: in this order, because each may take back the next. */
  #finish(fd: number, mode: number, source: number | undefined): void {
    const { uid, gid } = this.#owner;
    fchown(fd, uid, gid);
    if (source !== undefined) {
      for (const name of listXattrs(source)) {
        if (name.startsWith("trusted.") || name === "security.selinux") continue;
        const value = getXattr(source, name);
        if (value === undefined) continue;
        try {
          setXattr(fd, name, value);
        } catch (error) {
          if (!isErrno(error, "EOPNOTSUPP", "EPERM")) throw error;
        }
      }
    }
    fchmod(fd, this.#mode(mode));
    const { epoch } = this.#options;
    if (source === undefined && epoch !== undefined) {
      const time = { seconds: epoch, nanoseconds: 0 };
      futimens(fd, time, time);
    }
  }

  #mode(mode: number): number {
    const { mode: asked } = this.#options;
    if (asked === undefined) return mode & 0o7777;
    return applyFileMode(asked, mode, (mode & S.IFMT) === S.IFDIR);
  }

  #time(stat: Stat): Time {
    const { epoch } = this.#options;
    if (epoch !== undefined && stat.mtimeSeconds >= epoch) return { seconds: epoch, nanoseconds: 0 };
    return { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds };
  }

  /** Makes room for a file. */
  #clear(parent: number, path: string): void {
    const there = statIfExists(parent, baseOf(path));
    if (there === undefined) return;
    if ((there.mode & S.IFMT) === S.IFDIR)
      throw invalidParameter(`cannot replace to directory /${path} with file`);
    unlinkat(parent, baseOf(path));
    if ((there.mode & S.IFMT) === S.IFLNK) this.#to.forget({ fd: parent });
  }

  #link(source: string, stat: Stat, parent: number, path: string): boolean {
    const key = `${source}:${stat.deviceMajor}:${stat.deviceMinor}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, path);
      return false;
    }
    const target = openat(parent, ".", O.RDONLY | O.DIRECTORY);
    try {
      linkat(this.#to.find(folderOf(first)).fd, baseOf(first), target, baseOf(path));
    } catch (error) {
      if (isErrno(error, "ENOENT", "EMLINK")) return false;
      throw error;
    } finally {
      closeQuietly(target);
    }
    this.#count(0);
    return true;
  }

  #count(size: number): void {
    this.entries++;
    this.contentSize += size;
  }

  [Symbol.dispose](): void {
    this.#to[Symbol.dispose]();
  }
}
