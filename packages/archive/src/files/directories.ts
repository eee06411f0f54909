import {
  close,
  closeQuietly,
  fstat,
  isErrno,
  mkdirat,
  O,
  openat,
  openat2,
  RESOLVE,
  S,
  statIfExists,
} from "@berth/linux";
import { baseOf, folderOf } from "./names.ts";

/** An open folder of a tree. */
export interface OpenDirectory {
  fd: number;
  /** New entries inherit its group. */
  setgid: boolean;
}

/** Where links may lead: anywhere below an open folder, in which the tree's root is at `prefix` (`""`, or ending with a slash). */
export interface Scope {
  folder: number;
  prefix: string;
}

/** Folders that are kept open by default. */
export const CAPACITY = 256;
const FLAGS = O.RDONLY | O.DIRECTORY;

/**
 * The folders of a tree, found from an open root and never outside of it, or of a larger scope around it: symbolic links,
 * also absolute ones, lead only to places below that. Folders stay open for the next files that are put into them, because looking one up anew for
 * every file costs more than making the file.
 *
 * Whoever removes or replaces a folder or a symbolic link of the tree calls `forget`.
 */
export class Directories implements Disposable {
  readonly root: number;
  readonly #scope: Scope;
  readonly #capacity: number;
  readonly #open = new Map<string, OpenDirectory>();
  readonly #rootDirectory: OpenDirectory;
  #followed = false;

  /** `root`: descriptor of a folder; it stays the caller's. `capacity`: folders that are kept open, at least 2. */
  constructor(root: number, scope: Scope = { folder: root, prefix: "" }, capacity = CAPACITY) {
    this.root = root;
    this.#capacity = Math.max(2, capacity);
    this.#scope = scope;
    this.#rootDirectory = { fd: root, setgid: (fstat(root).mode & S.ISGID) !== 0 };
  }

  /**
   * The folder at `path` (as `pathBelowRoot` gives it). It stays open at least until the next call.
   * @throws SyscallError ENOENT, ENOTDIR, ELOOP, …
   */
  find(path: string): OpenDirectory {
    return this.#walk(path, undefined);
  }

  /** As `find`, making what is missing with mode 0755; `made` is called for each new folder. */
  make(path: string, made: (path: string, fd: number) => void): OpenDirectory {
    return this.#walk(path, made);
  }

  /** Some folder was reached by a symbolic link: it has another path too. */
  get followedLinks(): boolean {
    return this.#followed;
  }

  /** Closes all folders but the root and `except`: what their paths lead to may have changed. */
  forget(except?: Pick<OpenDirectory, "fd">): void {
    for (const [path, directory] of this.#open) {
      if (directory.fd === except?.fd) continue;
      closeQuietly(directory.fd);
      this.#open.delete(path);
    }
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  #walk(path: string, made: ((path: string, fd: number) => void) | undefined): OpenDirectory {
    if (path === "") return this.#rootDirectory;
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    // Up to the nearest folder that is open, then down again: names of any length are reached in steps.
    const missing = [path];
    let at = folderOf(path);
    let current: OpenDirectory | undefined;
    while (at !== "") {
      current = this.#open.get(at);
      if (current !== undefined) break;
      missing.push(at);
      at = folderOf(at);
    }
    let parent = current ?? this.#rootDirectory;
    for (let i = missing.length - 1; i >= 0; i--) {
      const next = missing[i] as string;
      parent = this.#remember(next, this.#enter(parent.fd, next, made));
    }
    return parent;
  }

  #enter(parent: number, path: string, made: ((path: string, fd: number) => void) | undefined): number {
    const name = baseOf(path);
    try {
      return openat(parent, name, FLAGS | O.NOFOLLOW);
    } catch (error) {
      if (isErrno(error, "ENOTDIR", "ELOOP")) {
        const found = statIfExists(parent, name);
        if (found === undefined || (found.mode & S.IFMT) !== S.IFLNK) throw error;
        this.#followed = true;
        return openat2(
          this.#scope.folder,
          this.#scope.prefix + path,
          FLAGS,
          RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
        );
      }
      if (made === undefined || !isErrno(error, "ENOENT")) throw error;
    }
    mkdirat(parent, name, 0o755);
    const fd = openat(parent, name, FLAGS | O.NOFOLLOW);
    made(path, fd);
    return fd;
  }

  #remember(path: string, fd: number): OpenDirectory {
    const directory = { fd, setgid: (fstat(fd).mode & S.ISGID) !== 0 };
    this.#open.set(path, directory);
    if (this.#open.size > this.#capacity) {
      // The oldest goes. Often used ones come back at the cost of one call.
      for (const [oldest, { fd: old }] of this.#open) {
        this.#open.delete(oldest);
        close(old);
        break;
      }
    }
    return directory;
  }
}
