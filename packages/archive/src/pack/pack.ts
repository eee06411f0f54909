import {
  closeQuietly,
  type DirectoryEntry,
  fstat,
  isErrno,
  lseek,
  O,
  openat,
  readDirectory,
  readFull,
  readlinkat,
  S,
  SEEK,
  type Stat,
  statIfExists,
} from "@berth/linux";
import { Directories } from "../files/directories.ts";
import { baseOf, folderOf, joined } from "../files/names.ts";
import { contentSize, END_OF_ARCHIVE, encodeHeader, padding, type WritableEntry } from "../tar/writer.ts";
import { dataExtents } from "./extents.ts";
import { type Attributes, isWhiteoutDevice, readAttributes } from "./overlay-marks.ts";

export interface PackOptions {
  /** The folder is the upper one of an overlay: its marks become the whiteouts of a layer (OCI image-spec, layer.md). */
  overlay?: boolean;
  /** Only these paths below the root, each with all that is below it. Default: everything. */
  include?: readonly string[];
  /** Paths below the root that are left out, with all that is below them. */
  exclude?: ReadonlySet<string>;
  /** Name of the root in the archive; without one the root itself has no entry. */
  rootName?: string;
  /** The name in the archive of a path below the root, instead of `rootName`. */
  nameOf?: (path: string) => string;
  /** Only the entries with these paths; of a folder that is not among them nothing is written. */
  only?: ReadonlySet<string>;
  /** Paths that the archive says are deleted, besides what an overlay's marks say. */
  deleted?: readonly string[];
  /** Nanoseconds of times, which Docker's archives do not have. */
  subSecondTimes?: boolean;
  /** Write holes as holes (PAX format 1.0). */
  sparse?: boolean;
  /** Neither enter nor list what is mounted below the root. */
  oneMount?: boolean;
  /** Order of names in a folder. Default `sorted`, as Docker has it. */
  order?: "sorted" | "directory";
}

/** Bytes to send from the current position of an open file. What is sent may be less, when the file became shorter. */
export interface FileRange {
  fd: number;
  length: number;
}

export interface PackFacts {
  entries: number;
  /** Bytes of the archive. */
  size: number;
  /** Bytes of all files' content, holes included. */
  contentSize: number;
  /** What was left out or filled up because it changed meanwhile; at most 20. */
  warnings: string[];
}

const BUFFER = 512 * 1024;
/** Files above this go to the receiver as a range: it can send them without copies. */
const INLINE = 64 * 1024;
const MAX_WARNINGS = 20;

/**
 * Writes a folder as a tar archive, in pieces. Bytes are valid until the next piece is asked for; for a `FileRange` the
 * receiver passes the number of bytes it could send to `next` (see `sendPieces`).
 * @param root descriptor of the folder, opened for reading; it stays the caller's.
 * @throws SyscallError, system
 */
export function pack(
  root: number,
  options: PackOptions = {},
): Generator<Uint8Array | FileRange, PackFacts, number> {
  return new Packer(root, options).run();
}

interface Level {
  path: string;
  entries: DirectoryEntry[];
  next: number;
}

class Packer {
  readonly #options: PackOptions;
  readonly #directories: Directories;
  readonly #mountId: number;
  readonly #buffer = new Uint8Array(BUFFER);
  #used = 0;
  /** First name of a file with several, by device and inode. */
  readonly #links = new Map<string, { name: string; left: number }>();
  readonly #facts: PackFacts = { entries: 0, size: 0, contentSize: 0, warnings: [] };

  constructor(root: number, options: PackOptions) {
    this.#options = options;
    this.#directories = new Directories(root);
    this.#mountId = fstat(root).mountId;
  }

  *run(): Generator<Uint8Array | FileRange, PackFacts, number> {
    try {
      const { include, rootName, nameOf } = this.#options;
      if (include === undefined) {
        if (rootName !== undefined || nameOf !== undefined)
          yield* this.#directory("", fstat(this.#directories.root));
        yield* this.#walk("");
      } else {
        for (const path of include) {
          if (path === "") {
            yield* this.#walk("");
            continue;
          }
          const folder = this.#directories.find(folderOf(path)).fd;
          const type = yield* this.#entry(folder, path, 0);
          if (type === S.IFDIR) yield* this.#walk(path);
        }
      }
      for (const path of this.#options.deleted ?? []) {
        const entry = {
          type: "file",
          mode: 0o600,
          uid: 0,
          gid: 0,
          mtime: { seconds: 0, nanoseconds: 0 },
        } as const;
        yield* this.#header({ ...entry, name: this.#nameOf(whiteoutOf(path)) });
      }
      yield* this.#put(END_OF_ARCHIVE);
      yield* this.#flush();
      return this.#facts;
    } finally {
      this.#directories[Symbol.dispose]();
    }
  }

  /** Everything below a folder. */
  *#walk(top: string): Generator<Uint8Array | FileRange, void, number> {
    const levels: Level[] = [this.#list(top)];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = level.entries[level.next++];
      if (entry === undefined) {
        levels.pop();
        continue;
      }
      const path = joined(level.path, entry.name);
      const { exclude, only } = this.#options;
      if (exclude?.has(path) || only?.has(path) === false) continue;
      try {
        const folder = this.#directories.find(level.path).fd;
        const type = yield* this.#entry(folder, path, entry.type);
        if (type === S.IFDIR) levels.push(this.#list(path));
      } catch (error) {
        // Running programs remove files while we read.
        if (!isErrno(error, "ENOENT", "ESTALE")) throw error;
        this.#warn(`${path} vanished`);
      }
    }
  }

  #list(path: string): Level {
    const { fd } = this.#directories.find(path);
    lseek(fd, 0, SEEK.SET);
    const entries = readDirectory(fd);
    if (this.#options.order !== "directory") entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { path, entries, next: 0 };
  }

  /** Writes one entry; its type, or 0 when there is nothing below it to be written. `type`: what is known already. */
  *#entry(folder: number, path: string, type: number): Generator<Uint8Array | FileRange, number, number> {
    const name = baseOf(path);
    if (type === S.IFREG && (yield* this.#file(folder, path, name))) return S.IFREG;
    const stat = statIfExists(folder, name);
    if (stat === undefined || (this.#options.oneMount && stat.mountId !== this.#mountId)) return 0;
    switch (stat.mode & S.IFMT) {
      case S.IFREG:
        yield* this.#file(folder, path, name);
        return S.IFREG;
      case S.IFDIR:
        yield* this.#directory(path, stat);
        return S.IFDIR;
      case S.IFSOCK:
        return 0;
      default:
        yield* this.#special(folder, path, name, stat);
        return 0;
    }
  }

  *#directory(path: string, stat: Stat): Generator<Uint8Array | FileRange, void, number> {
    const { fd } = this.#directories.find(path);
    const attributes = readAttributes(fd, path, this.#options.overlay === true);
    const entry = this.#describe("directory", path, stat, attributes);
    yield* this.#header(entry);
    if (!attributes.opaque) return;
    const mark = {
      ...entry,
      type: "file",
      name: this.#nameOf(joined(path, ".wh..wh..opq")),
      mode: entry.mode & 0o777,
    } as const;
    yield* this.#header({ ...mark, xattrs: undefined });
  }

  /** False when it is no regular file. */
  *#file(folder: number, path: string, name: string): Generator<Uint8Array | FileRange, boolean, number> {
    let fd: number;
    try {
      fd = openat(folder, name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY);
    } catch (error) {
      if (isErrno(error, "ELOOP", "ENXIO")) return false;
      throw error;
    }
    try {
      const stat = fstat(fd);
      if ((stat.mode & S.IFMT) !== S.IFREG) return false;
      if (this.#options.oneMount && stat.mountId !== this.#mountId) return true;
      const attributes = readAttributes(fd, path, this.#options.overlay === true);
      if (attributes.whiteout && this.#options.overlay && stat.size === 0) {
        yield* this.#whiteout(path, stat);
        return true;
      }
      if (yield* this.#linked("file", path, stat, attributes)) return true;
      const entry = this.#describe("file", path, stat, attributes);
      entry.size = stat.size;
      entry.sparse = this.#options.sparse ? dataExtents(fd, stat.size, stat.blocks * 512) : undefined;
      this.#facts.contentSize += stat.size;
      yield* this.#header(entry);
      if (entry.sparse === undefined) {
        yield* this.#content(fd, stat.size, path);
      } else {
        for (const { offset, length } of entry.sparse) {
          lseek(fd, offset, SEEK.SET);
          yield* this.#content(fd, length, path);
        }
      }
      yield* this.#zeros(padding(contentSize(entry)));
      return true;
    } finally {
      closeQuietly(fd);
    }
  }

  *#special(
    folder: number,
    path: string,
    name: string,
    stat: Stat,
  ): Generator<Uint8Array | FileRange, void, number> {
    const kind = stat.mode & S.IFMT;
    if (this.#options.overlay && isWhiteoutDevice(stat)) {
      yield* this.#whiteout(path, stat);
      return;
    }
    const type =
      kind === S.IFLNK ? "symlink" : kind === S.IFIFO ? "fifo" : kind === S.IFBLK ? "block" : "char";
    if (yield* this.#linked(type, path, stat, undefined)) return;
    const entry = this.#describe(type, path, stat, undefined);
    if (type === "symlink") entry.linkName = readlinkat(folder, name);
    if (type === "char" || type === "block") {
      entry.deviceMajor = stat.rdevMajor;
      entry.deviceMinor = stat.rdevMinor;
    }
    yield* this.#header(entry);
  }

  *#whiteout(path: string, stat: Stat): Generator<Uint8Array | FileRange, void, number> {
    const entry = this.#describe("file", path, stat, undefined);
    yield* this.#header({ ...entry, name: this.#nameOf(whiteoutOf(path)), mode: 0o600 });
  }

  /** Writes a further name of a file as a link to its first. */
  *#linked(
    type: WritableEntry["type"],
    path: string,
    stat: Stat,
    attributes: Attributes | undefined,
  ): Generator<Uint8Array | FileRange, boolean, number> {
    if (stat.nlink < 2) return false;
    const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, { name: this.#nameOf(path), left: stat.nlink - 1 });
      return false;
    }
    if (--first.left === 0) this.#links.delete(key);
    const entry = this.#describe(type, path, stat, attributes);
    yield* this.#header({ ...entry, type: "link", linkName: first.name, xattrs: undefined });
    return true;
  }

  #describe(
    type: WritableEntry["type"],
    path: string,
    stat: Stat,
    attributes: Attributes | undefined,
  ): WritableEntry & { size?: number } {
    return {
      type,
      name: this.#nameOf(path),
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      mtime: { seconds: stat.mtimeSeconds, nanoseconds: stat.mtimeNanoseconds },
      xattrs: attributes?.xattrs,
    };
  }

  #nameOf(path: string): string {
    const { rootName, nameOf } = this.#options;
    if (nameOf !== undefined) return nameOf(path);
    if (rootName === undefined) return path;
    if (path === "") return rootName;
    return rootName.endsWith("/") ? rootName + path : `${rootName}/${path}`;
  }

  *#header(entry: WritableEntry): Generator<Uint8Array | FileRange, void, number> {
    this.#facts.entries++;
    yield* this.#put(encodeHeader(entry, { subSecondTimes: this.#options.subSecondTimes === true }));
  }

  *#content(fd: number, length: number, path: string): Generator<Uint8Array | FileRange, void, number> {
    let sent: number;
    if (length <= INLINE) {
      if (BUFFER - this.#used < length) yield* this.#flush();
      sent = readFull(fd, this.#buffer, this.#used, length);
      this.#used += sent;
    } else {
      yield* this.#flush();
      sent = yield { fd, length };
    }
    this.#facts.size += sent;
    if (sent < length) {
      this.#warn(`${path} became shorter while it was read`);
      yield* this.#zeros(length - sent);
    }
  }

  *#zeros(count: number): Generator<Uint8Array | FileRange, void, number> {
    this.#facts.size += count;
    for (let left = count; left > 0; ) {
      if (this.#used === BUFFER) yield* this.#flush();
      const some = Math.min(left, BUFFER - this.#used);
      this.#buffer.fill(0, this.#used, this.#used + some);
      this.#used += some;
      left -= some;
    }
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array | FileRange, void, number> {
    this.#facts.size += bytes.length;
    if (bytes.length > BUFFER - this.#used) yield* this.#flush();
    if (bytes.length > BUFFER) {
      yield bytes;
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  *#flush(): Generator<Uint8Array | FileRange, void, number> {
    if (this.#used === 0) return;
    const ready = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    yield ready;
  }

  #warn(message: string): void {
    if (this.#facts.warnings.length < MAX_WARNINGS) this.#facts.warnings.push(message);
  }
}

function whiteoutOf(path: string): string {
  return joined(folderOf(path), `.wh.${baseOf(path)}`);
}
