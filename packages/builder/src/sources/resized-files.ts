import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { SyncEntry } from "@berth/api/build";
import { Directories } from "@berth/archive";
import { invalidParameter } from "@berth/base";
import {
  closeQuietly,
  fstat,
  ftruncate,
  futimens,
  isErrno,
  lseek,
  O,
  open,
  openat,
  read,
  S,
  SEEK,
  writeAll,
} from "@berth/linux";

const PIECE = 1 << 20;

interface Resized {
  entry: SyncEntry;
  /** Of what was sent, bytes that are in the file already. */
  kept: number;
  /** Runs of what was sent behind that, in the spool. */
  more: { at: number; length: number }[];
}

/**
 * Files that changed between their listing and their reading. As with BuildKit each has what its client read: nothing when it was gone
 * by then, and the times of the listing. An archive says a file's size first, so the files are unpacked with the size that was listed,
 * and get their own afterwards.
 */
export class ResizedFiles implements Disposable {
  readonly #folder: string;
  readonly #files = new Map<string, Resized>();
  #spool = -1;
  #spooled = 0;

  /** `folder`: for what has to wait. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Only so many bytes came. */
  shrank(entry: SyncEntry, size: number): void {
    this.#files.set(entry.path, { entry, kept: size, more: [] });
  }

  /** Bytes that came behind those which had been announced, in their order. */
  grew(entry: SyncEntry, bytes: Uint8Array): void {
    if (this.#spool < 0) {
      const path = join(this.#folder, "more");
      this.#spool = open(path, O.RDWR | O.CREAT | O.EXCL, 0o600);
      unlinkSync(path);
    }
    writeAll(this.#spool, bytes);
    const file = this.#files.get(entry.path) ?? { entry, kept: entry.size, more: [] };
    this.#files.set(entry.path, file);
    file.more.push({ at: this.#spooled, length: bytes.length });
    this.#spooled += bytes.length;
  }

  paths(): IterableIterator<string> {
    return this.#files.keys();
  }

  /** Gives the files of an unpacked folder their sizes. @throws invalid-parameter when one is no file there */
  apply(path: string): void {
    if (this.#files.size === 0) return;
    const root = open(path, O.RDONLY | O.DIRECTORY);
    using directories = new Directories(root);
    try {
      for (const file of this.#files.values()) this.#resize(directories, file);
    } finally {
      closeQuietly(root);
    }
  }

  #resize(directories: Directories, { entry, kept, more }: Resized): void {
    const { path, mtime } = entry;
    const slash = path.lastIndexOf("/");
    let fd = -1;
    try {
      const folder = directories.find(path.slice(0, Math.max(slash, 0))).fd;
      fd = openat(folder, path.slice(slash + 1), O.WRONLY | O.NOFOLLOW | O.NONBLOCK);
      if ((fstat(fd).mode & S.IFMT) !== S.IFREG) throw invalidParameter(`${path} is not a file`);
      ftruncate(fd, kept);
      lseek(fd, 0, SEEK.END);
      for (const run of more) this.#append(fd, run);
      const time = {
        seconds: Number(mtime / 1_000_000_000n),
        nanoseconds: Number(mtime % 1_000_000_000n),
      };
      futimens(fd, time, time);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EISDIR")) throw error;
      throw invalidParameter(`${path} is not a file`);
    } finally {
      closeQuietly(fd);
    }
  }

  #append(fd: number, { at, length }: { at: number; length: number }): void {
    lseek(this.#spool, at, SEEK.SET);
    for (let left = length; left > 0; ) {
      const bytes = new Uint8Array(Math.min(PIECE, left));
      const count = read(this.#spool, bytes);
      if (count <= 0) throw invalidParameter("what was spooled is gone");
      writeAll(fd, bytes.subarray(0, count));
      left -= count;
    }
  }

  [Symbol.dispose](): void {
    closeQuietly(this.#spool);
  }
}
