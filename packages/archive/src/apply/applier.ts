import { type BerthError, forbidden, systemError } from "@berth/base";
import {
  AT,
  closeQuietly,
  dup,
  encodeName,
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  ftruncate,
  futimens,
  getXattr,
  isErrno,
  linkat,
  makeDevice,
  mkdirat,
  mknodat,
  O,
  openat,
  openat2,
  pwrite,
  RESOLVE,
  S,
  type Stat,
  SyscallError,
  statIfExists,
  symlinkat,
  umask,
  unlinkat,
  utimensat,
  write,
} from "@berth/linux";
import { Directories, type OpenDirectory, type Scope } from "../files/directories.ts";
import { baseOf, folderOf, quoted } from "../files/names.ts";
import { removeTree } from "../files/remove-tree.ts";
import type { TarEntry, TarTime } from "../tar/entry.ts";
import type { TarSink } from "../tar/reader.ts";
import { applyXattrs } from "./attributes.ts";
import { DirectoryTimes } from "./directory-times.ts";
import { inheritAttributes } from "./implied.ts";
import { Place, type PlaceOptions } from "./place.ts";
import { type WhiteoutMode, Whiteouts } from "./whiteouts.ts";

export interface ApplyOptions extends PlaceOptions {
  whiteouts: WhiteoutMode;
  /** Where symbolic links may lead; default: below the root. */
  scope?: Scope;
  /** Leave the root's own attributes as they are, whatever the archive says about `./`. */
  skipRoot?: boolean;
  /** Docker's `noOverwriteDirNonDir`: a folder and something else never replace each other. */
  keepKinds?: boolean;
  /** Owner of everything, instead of what the archive says. */
  owner?: { uid: number; gid: number };
  /** Open folders of the layers below, topmost first: folders that the archive does not list take their attributes there. */
  lower?: readonly number[];
  /** There are such folders, but they are not complete yet: `inherit` is called once they are. */
  lowerLater?: boolean;
}

export interface ApplyFacts {
  entries: number;
  /** Bytes of all files' content, holes included, and of the texts of symbolic links: Docker's size of a layer. */
  contentSize: number;
  /** What could not be done and is no reason to fail; at most 20. */
  warnings: string[];
}

const MAX_WARNINGS = 20;
/** Calls that have another name in Docker's messages. */
const GO_NAMES: Readonly<Record<string, string>> = { unlink: "unlinkat", openat2: "open" };
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xf_ffff;

/**
 * Puts the members of an archive into a folder. Nothing outside of the folder is read or changed, whatever the archive
 * says (see `Directories`); an existing entry is replaced, folders are merged.
 *
 * Changes the umask and the working directory: it needs a process of its own. Errors name the path below the root.
 */
export class Applier implements TarSink, Disposable {
  readonly #options: ApplyOptions;
  readonly #place: Place;
  readonly #directories: Directories;
  readonly #whiteouts: Whiteouts;
  readonly #times = new DirectoryTimes();
  readonly #warnings: string[] = [];
  /** New files do not simply get the mode that they are made with. */
  #defaultAcl: boolean;
  /** Folders that were made without being listed, and the root: what `inherit` is about. */
  readonly #implied = new Set<string>([""]);
  #entries = 0;
  #contentSize = 0;
  /** The file that is being written. */
  #file: { fd: number; entry: TarEntry; path: string; setgid: boolean; end: number } | undefined;

  /** `root`: descriptor of the folder, opened for reading; it stays the caller's. */
  constructor(root: number, options: ApplyOptions) {
    this.#options = options;
    this.#place = new Place(options);
    this.#directories = new Directories(root, options.scope);
    this.#whiteouts = new Whiteouts(options.whiteouts, this.#directories, this.#makeFolder);
    this.#defaultAcl = getXattr(root, "system.posix_acl_default") !== undefined;
    umask(0);
  }

  entry(entry: TarEntry): void {
    this.#entries++;
    this.#contentSize += entry.type === "symlink" ? encodeName(entry.linkName).length : entry.size;
    const path = this.#place.pathOf(entry.name);
    try {
      if (path === "") this.#root(entry);
      else if (!this.#whiteouts.take(path, entry.mtime)) this.#put(path, entry);
    } catch (error) {
      throw this.#named(error, path);
    }
  }

  data(bytes: Uint8Array, position: number): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      if (position === file.end) {
        for (let at = 0; at < bytes.length; ) at += write(file.fd, bytes, at);
      } else {
        for (let at = 0; at < bytes.length; )
          at += pwrite(file.fd, bytes, at, bytes.length - at, position + at);
      }
      // Only bytes written one after the other move the file's own position.
      file.end = position === file.end ? position + bytes.length : -1;
    } catch (error) {
      throw this.#named(error, file.path);
    }
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      this.#finishFile(file.fd, file.entry, file.path, file.setgid);
    } catch (error) {
      throw this.#named(error, file.path);
    } finally {
      this.#file = undefined;
      closeQuietly(file.fd);
    }
  }

  /** With `lowerLater`: gives the folders that were not listed the attributes that they have below. */
  inherit(lower: readonly number[]): void {
    if (lower.length === 0) return;
    const { root } = this.#directories;
    for (const path of this.#implied) {
      let fd = root;
      try {
        if (path !== "")
          fd = openat2(root, path, O.RDONLY | O.DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
      } catch (error) {
        // Removed or replaced by a later entry.
        if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) continue;
        throw this.#named(error, path);
      }
      try {
        inheritAttributes(fd, path === "" ? "." : path, lower);
      } finally {
        if (fd !== root) closeQuietly(fd);
      }
    }
  }

  /** Last touches, when all members have come: the times of folders. */
  finish(): ApplyFacts {
    this.#times.apply(this.#directories);
    return { entries: this.#entries, contentSize: this.#contentSize, warnings: this.#warnings };
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeQuietly(this.#file.fd);
    this.#file = undefined;
    this.#directories[Symbol.dispose]();
  }

  #put(path: string, entry: TarEntry): void {
    const parent = this.#makeFolder(folderOf(path));
    const name = baseOf(path);
    switch (entry.type) {
      case "file":
        this.#beginFile(parent, name, path, entry);
        break;
      case "directory":
        this.#directory(parent, name, path, entry);
        break;
      case "link":
        this.#link(parent, name, path, entry);
        break;
      case "symlink":
        this.#place.checkSymlink(path, entry.linkName);
        this.#create(parent, name, path, entry, () => symlinkat(entry.linkName, parent.fd, name));
        this.#finishSpecial(parent, name, path, entry);
        break;
      default:
        this.#node(parent, name, path, entry);
    }
    this.#whiteouts.added(path);
  }

  /** Runs `make`, and once more after what is in its place has been removed. */
  #create(parent: OpenDirectory, name: string, path: string, entry: TarEntry, make: () => void): void {
    try {
      make();
      return;
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    this.#clear(parent, name, path, entry);
    make();
  }

  #clear(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    const found = statIfExists(parent.fd, name);
    if (found === undefined) return;
    const kind = found.mode & S.IFMT;
    this.#checkKinds(kind === S.IFDIR, entry, path);
    if (kind === S.IFDIR) {
      removeTree(parent.fd, name);
      this.#times.uncertain();
    } else {
      unlinkat(parent.fd, name);
    }
    // Paths may lead elsewhere now, but not the one of the folder that we are in.
    if (kind === S.IFDIR || kind === S.IFLNK) this.#directories.forget(parent);
  }

  #checkKinds(foundDirectory: boolean, entry: TarEntry, path: string): void {
    if (!this.#options.keepKinds || foundDirectory === (entry.type === "directory")) return;
    const full = quoted(this.#place.shown(path));
    const root = quoted(this.#place.shown(""));
    throw systemError(
      foundDirectory
        ? `cannot overwrite directory ${full} with non-directory ${root}`
        : `cannot overwrite non-directory ${full} with directory ${root}`,
    );
  }

  #beginFile(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    let fd = -1;
    this.#create(parent, name, path, entry, () => {
      fd = openat(parent.fd, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, entry.mode);
    });
    this.#file = { fd, entry, path, setgid: parent.setgid, end: 0 };
  }

  #finishFile(fd: number, entry: TarEntry, path: string, setgid: boolean): void {
    if (entry.sparse !== undefined) ftruncate(fd, entry.size);
    const { uid, gid } = this.#options.owner ?? entry;
    const owned = uid !== 0 || gid !== 0 || setgid;
    if (owned) fchown(fd, uid, gid);
    // A change of owner takes these bits away.
    if (entry.mode & 0o7000 || this.#defaultAcl) fchmod(fd, entry.mode);
    if (entry.xattrs !== undefined) this.#xattrs(fd, entry.xattrs, path);
    futimens(fd, accessTime(entry), entry.mtime);
  }

  #directory(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    if (this.#implied.size > 1) this.#implied.delete(path);
    let found: Stat | undefined;
    try {
      mkdirat(parent.fd, name, entry.mode);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      found = statIfExists(parent.fd, name);
      if (found !== undefined && (found.mode & S.IFMT) !== S.IFDIR) {
        const hides = this.#whiteouts.isWhiteout(found);
        this.#clear(parent, name, path, entry);
        mkdirat(parent.fd, name, entry.mode);
        if (hides) this.#whiteouts.makeOpaque(parent.fd, name);
        found = undefined;
      }
    }
    const { uid, gid } = this.#options.owner ?? entry;
    // mkdir makes our own folders, and leaves setuid and setgid out.
    const asMade = found === undefined && (entry.mode & 0o6000) === 0 && !parent.setgid && !this.#defaultAcl;
    if (!asMade || entry.xattrs !== undefined) {
      const fd = openat(parent.fd, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
      try {
        fchown(fd, uid, gid);
        fchmod(fd, entry.mode);
        if (entry.xattrs !== undefined) this.#xattrs(fd, entry.xattrs, path);
      } finally {
        closeQuietly(fd);
      }
      if (found !== undefined && ((found.mode ^ entry.mode) & S.ISGID) !== 0) this.#directories.forget();
    } else if (uid !== 0 || gid !== 0) {
      fchownat(parent.fd, name, uid, gid, AT.SYMLINK_NOFOLLOW);
    }
    this.#times.set(path, accessTime(entry), entry.mtime);
  }

  #link(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    const target = this.#place.linkTarget(entry.linkName);
    const source = baseOf(target);
    const folder = dup(parent.fd);
    let from = -1;
    try {
      from = dup(this.#directories.find(folderOf(target)).fd);
      try {
        linkat(from, source, folder, name);
        return;
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw error;
      }
      const wanted = statIfExists(from, source);
      const found = statIfExists(folder, name);
      // Already the same file, or a link to itself.
      if (wanted !== undefined && wanted.ino === found?.ino && wanted.mountId === found.mountId) return;
      this.#clear({ fd: folder, setgid: false }, name, path, entry);
      linkat(from, source, folder, name);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      throw new SyscallError("link", error.errno, `${this.#place.shown(target)} ${this.#place.shown(path)}`);
    } finally {
      closeQuietly(folder);
      closeQuietly(from);
    }
  }

  #node(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    const { deviceMajor: major, deviceMinor: minor } = entry;
    const type = entry.type === "char" ? S.IFCHR : entry.type === "block" ? S.IFBLK : S.IFIFO;
    if (type !== S.IFIFO && (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR)) {
      throw systemError(`${quoted(entry.name)} has an impossible device number ${major}:${minor}`);
    }
    const device = type === S.IFIFO ? 0 : makeDevice(major, minor);
    this.#create(parent, name, path, entry, () => mknodat(parent.fd, name, type | entry.mode, device));
    if (this.#defaultAcl) fchmodat(parent.fd, name, entry.mode);
    this.#finishSpecial(parent, name, path, entry);
  }

  /** Owner, attributes and times of what cannot be opened. */
  #finishSpecial(parent: OpenDirectory, name: string, path: string, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    if (uid !== 0 || gid !== 0 || parent.setgid) fchownat(parent.fd, name, uid, gid, AT.SYMLINK_NOFOLLOW);
    if (entry.xattrs !== undefined) {
      applyXattrs({ folder: parent.fd, name }, entry.xattrs, path, this.#warn);
    }
    utimensat(parent.fd, name, accessTime(entry), entry.mtime, AT.SYMLINK_NOFOLLOW);
  }

  #root(entry: TarEntry): void {
    if (entry.type !== "directory")
      throw systemError(`${quoted(entry.name)} is not a directory in the archive`);
    if (this.#options.skipRoot) return;
    this.#implied.delete("");
    const { root } = this.#directories;
    const { uid, gid } = this.#options.owner ?? entry;
    fchown(root, uid, gid);
    fchmod(root, entry.mode);
    if (entry.xattrs !== undefined) this.#xattrs(root, entry.xattrs, "");
    this.#times.set("", accessTime(entry), entry.mtime);
  }

  #xattrs(fd: number, xattrs: ReadonlyMap<string, Uint8Array>, path: string): void {
    applyXattrs(fd, xattrs, path, this.#warn);
    if (xattrs.has("system.posix_acl_default")) this.#defaultAcl = true;
  }

  readonly #warn = (message: string): void => {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message);
  };

  /** Finds a folder, making what is missing. */
  readonly #makeFolder = (path: string): OpenDirectory =>
    this.#directories.make(path, (made, fd) => {
      if (this.#options.lowerLater) this.#implied.add(made);
      else inheritAttributes(fd, made, this.#options.lower ?? []);
      this.#whiteouts.added(made);
    });

  /** Says in the error of a system call which entry it was about. */
  #named(error: unknown, path: string): BerthError {
    const full = this.#place.shown(path);
    if (error instanceof SyscallError) {
      if (error.code === "EROFS")
        return forbidden(`${error.syscall} ${full}: read-only file system`, { cause: error });
      const call = GO_NAMES[error.syscall] ?? error.syscall;
      if (call !== "link") return new SyscallError(call, error.errno, full);
    }
    return error as BerthError;
  }
}

/** Docker: no file was read last before it was written. */
function accessTime(entry: TarEntry): TarTime {
  const { atime, mtime } = entry;
  if (atime === undefined) return mtime;
  const earlier =
    atime.seconds < mtime.seconds ||
    (atime.seconds === mtime.seconds && atime.nanoseconds < mtime.nanoseconds);
  return earlier ? mtime : atime;
}
