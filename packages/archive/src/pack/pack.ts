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
import { GrowingBuffer } from "./growing-buffer.ts";
import { type Attributes, isWhiteoutDevice, readAttributes } from "./overlay-marks.ts";

export interface PackOptions {
  /** The folder is the upper one of an overlay: its marks become the whiteouts of a layer (OCI image-spec, layer.md). */
  overlay?: boolean;
  /**
   * Descriptor of a folder that the packed one is a patch over: what is not in the root is taken from there, folders that are in
   * both are merged, with the root's attributes. It stays the caller's. Without `include`.
   */
  below?: number;
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

/** The buffer is handed over when so much is in it. */
const FULL = 512 * 1024;
/** Files above this go to the receiver as a range: it can send them without copies. */
const INLINE = 64 * 1024;
const MAX_WARNINGS = 20;
const DELETED = { type: "file", mode: 0o600, uid: 0, gid: 0, mtime: { seconds: 0, nanoseconds: 0 } } as const;

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

/** `tree`: which of the folders that are packed it is in. */
type Found = DirectoryEntry & { tree: Directories };

interface Level {
  path: string;
  entries: Found[];
  next: number;
}

type Pieces<T> = Generator<Uint8Array | FileRange, T, number>;

/** Entries are gathered without pauses, because those of small files are made faster than a generator resumes. */
class Packer {
  readonly #options: PackOptions;
  readonly #directories: Directories;
  readonly #below: Directories | undefined;
  readonly #mountId: number;
  readonly #output = new GrowingBuffer(FULL + INLINE * 2);
  /** A file whose header is written and whose content is to be sent. */
  #pending: { fd: number; path: string; entry: WritableEntry } | undefined;
  /** First name of a file with several, by device and inode. */
  readonly #links = new Map<string, { name: string; left: number }>();
  readonly #facts: PackFacts = { entries: 0, size: 0, contentSize: 0, warnings: [] };

  constructor(root: number, options: PackOptions) {
    this.#options = options;
    this.#directories = new Directories(root);
    this.#below = options.below === undefined ? undefined : new Directories(options.below);
    this.#mountId = fstat(root).mountId;
  }

  *run(): Pieces<PackFacts> {
    try {
      const { include, rootName, nameOf, deleted } = this.#options;
      if (include === undefined) {
        if (rootName !== undefined || nameOf !== undefined)
          this.#directory(this.#directories, "", fstat(this.#directories.root));
        yield* this.#walk("");
      }
      for (const path of include ?? []) {
        const type = path === "" ? S.IFDIR : this.#entry(this.#directories, path, 0);
        yield* this.#handOver();
        if (type === S.IFDIR) yield* this.#walk(path);
      }
      for (const path of deleted ?? []) {
        this.#header({ ...DELETED, name: this.#nameOf(whiteoutOf(path)) });
        yield* this.#handOver();
      }
      this.#output.append(END_OF_ARCHIVE);
      yield* this.#flush();
      return this.#facts;
    } finally {
      if (this.#pending !== undefined) closeQuietly(this.#pending.fd);
      this.#directories[Symbol.dispose]();
      this.#below?.[Symbol.dispose]();
    }
  }

  /** Everything below a folder. */
  *#walk(top: string): Pieces<void> {
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
        const type = this.#entry(entry.tree, path, entry.type);
        if (type === S.IFDIR) levels.push(this.#list(path));
      } catch (error) {
        // Running programs remove files while we read.
        if (!isErrno(error, "ENOENT", "ESTALE")) throw error;
        this.#warn(`${path} vanished`);
      }
      if (this.#pending !== undefined || this.#output.length >= FULL) yield* this.#handOver();
    }
  }

  #list(path: string): Level {
    const entries =
      this.#below === undefined ? listFolder(this.#directories, path) : this.#union(this.#below, path);
    if (this.#options.order !== "directory") entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { path, entries, next: 0 };
  }

  #union(below: Directories, path: string): Found[] {
    const entries = listIfFolder(this.#directories, path);
    const names = new Set(entries.map(({ name }) => name));
    for (const entry of listIfFolder(below, path)) if (!names.has(entry.name)) entries.push(entry);
    return entries;
  }

  /** Writes one entry; its type, or 0 when there is nothing below it to be written. `type`: what is known already. */
  #entry(tree: Directories, path: string, type: number): number {
    const folder = tree.find(folderOf(path)).fd;
    const name = baseOf(path);
    if (type === S.IFREG && this.#file(folder, path, name)) return S.IFREG;
    const stat = statIfExists(folder, name);
    if (stat === undefined || (this.#options.oneMount && stat.mountId !== this.#mountId)) return 0;
    switch (stat.mode & S.IFMT) {
      case S.IFREG:
        this.#file(folder, path, name);
        return S.IFREG;
      case S.IFDIR:
        this.#directory(tree, path, stat);
        return S.IFDIR;
      case S.IFSOCK:
        return 0;
      default:
        this.#special(folder, path, name, stat);
        return 0;
    }
  }

  #directory(tree: Directories, path: string, stat: Stat): void {
    const attributes = readAttributes(tree.find(path).fd, path, this.#options.overlay === true);
    const entry = this.#describe("directory", path, stat, attributes);
    this.#header(entry);
    if (!attributes.opaque && !this.#isOpaqueBelow(tree, path)) return;
    const mark = {
      ...entry,
      type: "file",
      name: this.#nameOf(joined(path, ".wh..wh..opq")),
      mode: entry.mode & 0o777,
    } as const;
    this.#header({ ...mark, xattrs: undefined });
  }

  /** A folder of a patch is merged with the one below, which may hide what is in other layers. */
  #isOpaqueBelow(tree: Directories, path: string): boolean {
    const below = this.#below;
    if (below === undefined || tree === below || !this.#options.overlay) return false;
    const folder = ifFolder(() => below.find(path).fd);
    return folder !== undefined && readAttributes(folder, path, true).opaque;
  }

  /** False when it is no regular file. */
  #file(folder: number, path: string, name: string): boolean {
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
        this.#whiteout(path, stat);
        return true;
      }
      if (this.#linked("file", path, stat, attributes)) return true;
      const entry = this.#describe("file", path, stat, attributes);
      entry.size = stat.size;
      entry.sparse = this.#options.sparse ? dataExtents(fd, stat.size, stat.blocks * 512) : undefined;
      this.#facts.contentSize += stat.size;
      this.#header(entry);
      if (entry.sparse !== undefined || stat.size > INLINE) {
        this.#pending = { fd, path, entry };
        fd = -1;
      } else {
        this.#inline(fd, stat.size, path);
      }
      return true;
    } finally {
      closeQuietly(fd);
    }
  }

  #inline(fd: number, size: number, path: string): void {
    const read = this.#output.fill(size, (buffer, at) => readFull(fd, buffer, at, size));
    if (read < size) this.#warn(`${path} became shorter while it was read`);
    this.#output.zeros(size - read + padding(size));
  }

  /** Passes on what is gathered, and the content of a file that is too large for it. */
  *#handOver(): Pieces<void> {
    const pending = this.#pending;
    if (pending === undefined) {
      if (this.#output.length >= FULL) yield* this.#flush();
      return;
    }
    const { fd, path, entry } = pending;
    for (const { offset, length } of entry.sparse ?? [{ offset: 0, length: entry.size ?? 0 }]) {
      yield* this.#flush();
      lseek(fd, offset, SEEK.SET);
      const sent = yield { fd, length };
      this.#facts.size += sent;
      if (sent === length) continue;
      this.#warn(`${path} became shorter while it was read`);
      for (let left = length - sent; left > 0; left -= FULL) {
        this.#output.zeros(Math.min(left, FULL));
        yield* this.#flush();
      }
    }
    this.#output.zeros(padding(contentSize(entry)));
    closeQuietly(fd);
    this.#pending = undefined;
  }

  #special(folder: number, path: string, name: string, stat: Stat): void {
    const kind = stat.mode & S.IFMT;
    if (this.#options.overlay && isWhiteoutDevice(stat)) {
      this.#whiteout(path, stat);
      return;
    }
    const type =
      kind === S.IFLNK ? "symlink" : kind === S.IFIFO ? "fifo" : kind === S.IFBLK ? "block" : "char";
    if (this.#linked(type, path, stat, undefined)) return;
    const entry = this.#describe(type, path, stat, undefined);
    if (type === "symlink") entry.linkName = readlinkat(folder, name);
    if (type === "char" || type === "block") {
      entry.deviceMajor = stat.rdevMajor;
      entry.deviceMinor = stat.rdevMinor;
    }
    this.#header(entry);
  }

  #whiteout(path: string, stat: Stat): void {
    const entry = this.#describe("file", path, stat, undefined);
    this.#header({ ...entry, name: this.#nameOf(whiteoutOf(path)), mode: 0o600 });
  }

  /** Writes a further name of a file as a link to its first. */
  #linked(
    type: WritableEntry["type"],
    path: string,
    stat: Stat,
    attributes: Attributes | undefined,
  ): boolean {
    if (stat.nlink < 2) return false;
    const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, { name: this.#nameOf(path), left: stat.nlink - 1 });
      return false;
    }
    if (--first.left === 0) this.#links.delete(key);
    const entry = this.#describe(type, path, stat, attributes);
    this.#header({ ...entry, type: "link", linkName: first.name, xattrs: undefined });
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

  #header(entry: WritableEntry): void {
    this.#facts.entries++;
    this.#output.append(encodeHeader(entry, { subSecondTimes: this.#options.subSecondTimes === true }));
  }

  *#flush(): Pieces<void> {
    if (this.#output.length === 0) return;
    const ready = this.#output.take();
    this.#facts.size += ready.length;
    yield ready;
  }

  #warn(message: string): void {
    if (this.#facts.warnings.length < MAX_WARNINGS) this.#facts.warnings.push(message);
  }
}

function listFolder(tree: Directories, path: string): Found[] {
  const { fd } = tree.find(path);
  lseek(fd, 0, SEEK.SET);
  return readDirectory(fd).map((entry) => ({ ...entry, tree }));
}

function listIfFolder(tree: Directories, path: string): Found[] {
  return ifFolder(() => listFolder(tree, path)) ?? [];
}

/** Undefined when `look` finds no folder. */
function ifFolder<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function whiteoutOf(path: string): string {
  return joined(folderOf(path), `.wh.${baseOf(path)}`);
}
