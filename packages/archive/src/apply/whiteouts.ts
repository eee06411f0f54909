import { systemError } from "@berth/base";
import {
  AT,
  closeQuietly,
  isErrno,
  mknodat,
  O,
  openat,
  S,
  type Stat,
  setXattr,
  statIfExists,
  unlinkat,
  utimensat,
} from "@berth/linux";
import type { Directories, OpenDirectory } from "../files/directories.ts";
import { baseOf, folderOf, joined, quoted } from "../files/names.ts";
import { removeTree } from "../files/remove-tree.ts";
import type { TarTime } from "../tar/entry.ts";

/**
 * What the marks of a layer (OCI image-spec, layer.md "Whiteouts") become:
 * `overlay`: overlayfs' own marks in a fresh folder; `remove`: what they mark is removed from a whole tree; `keep`: they are
 * ordinary files.
 */
export type WhiteoutMode = "overlay" | "remove" | "keep";

const PREFIX = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Bookkeeping of aufs, which some old layers contain. */
const AUFS = ".wh..wh.";
const OPAQUE_ATTRIBUTE = "trusted.overlay.opaque";
const YES = new Uint8Array([0x79]);

/** Recognises the whiteouts of a layer and carries them out. They concern what lies below, never the layer's own entries. */
export class Whiteouts {
  readonly #mode: WhiteoutMode;
  readonly #directories: Directories;
  readonly #makeFolder: (path: string) => OpenDirectory;
  /** Paths that this layer brought; only kept where they are needed. */
  readonly #added = new Set<string>();

  constructor(mode: WhiteoutMode, directories: Directories, makeFolder: (path: string) => OpenDirectory) {
    this.#mode = mode;
    this.#directories = directories;
    this.#makeFolder = makeFolder;
  }

  /** The layer brought an entry (or a folder that it did not list). */
  added(path: string): void {
    if (this.#mode === "remove") this.#added.add(path);
  }

  /** True when the entry was a whiteout, which is then done. @throws system for `.wh...` and the like. */
  take(path: string, time: TarTime): boolean {
    if (this.#mode === "keep" || !path.includes(PREFIX)) return false;
    if (path.startsWith(AUFS) && path !== OPAQUE) return true;
    const name = baseOf(path);
    if (!name.startsWith(PREFIX)) return false;
    const folder = folderOf(path);
    if (name === OPAQUE) this.#opaque(folder);
    else if (!name.startsWith(AUFS)) this.#remove(folder, name.slice(PREFIX.length), path, time);
    return true;
  }

  isWhiteout(stat: Stat): boolean {
    return (
      this.#mode === "overlay" &&
      (stat.mode & S.IFMT) === S.IFCHR &&
      stat.rdevMajor === 0 &&
      stat.rdevMinor === 0
    );
  }

  /** Hides what the layers below have in a folder of this layer. */
  makeOpaque(parent: number, name: string): void {
    const fd = openat(parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    try {
      setXattr(fd, OPAQUE_ATTRIBUTE, YES);
    } finally {
      closeQuietly(fd);
    }
  }

  #opaque(folder: string): void {
    const { fd } = this.#makeFolder(folder);
    if (this.#mode === "overlay") {
      setXattr(fd, OPAQUE_ATTRIBUTE, YES);
      return;
    }
    removeTree(fd, ".", (path) => this.#added.has(joined(folder, path)));
    this.#directories.forget();
  }

  #remove(folder: string, name: string, path: string, time: TarTime): void {
    if (name === "" || name === "." || name === "..") throw systemError(`invalid whiteout ${quoted(path)}`);
    if (this.#mode === "overlay") {
      const parent = this.#makeFolder(folder).fd;
      try {
        mknodat(parent, name, S.IFCHR, 0);
        // So that the same layer comes out again.
        utimensat(parent, name, time, time, AT.SYMLINK_NOFOLLOW);
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw error;
        // The layer's own entry stays; as a folder it must not be merged with one below.
        const found = statIfExists(parent, name);
        if (found !== undefined && (found.mode & S.IFMT) === S.IFDIR) this.makeOpaque(parent, name);
      }
      return;
    }
    let parent: number;
    try {
      parent = this.#directories.find(folder).fd;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return;
      throw error;
    }
    const target = joined(folder, name);
    const found = statIfExists(parent, name);
    if (found === undefined) return;
    const isOwn = this.#added.has(target);
    if ((found.mode & S.IFMT) === S.IFDIR) {
      removeTree(parent, name, (below) => this.#added.has(joined(target, below)));
      if (!isOwn) removeEmptyFolder(parent, name);
    } else if (!isOwn) {
      unlinkat(parent, name);
    }
    this.#directories.forget();
  }
}

/** Removes a folder unless there is something in it. */
function removeEmptyFolder(parent: number, name: string): void {
  try {
    unlinkat(parent, name, AT.REMOVEDIR);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY", "EEXIST")) throw error;
  }
}
