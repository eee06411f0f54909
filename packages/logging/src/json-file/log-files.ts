import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";

/**
 * The files of one container's log. Layout, made by the shim's writer:
 *
 *   <path>         current
 *   <path>.1       the one before, `.2` older, …
 *   <path>.N.gz    the same, compressed
 *
 * An opened file stays readable while the writer renames or removes it.
 */
export class LogFile implements AsyncDisposable {
  readonly path: string;
  readonly compressed: boolean;
  readonly inode: number;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, inode: number) {
    this.path = path;
    this.compressed = path.endsWith(".gz");
    this.#handle = handle;
    this.inode = inode;
  }

  /** Undefined when there is no such file. */
  static async open(path: string): Promise<LogFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return new LogFile(path, handle, (await handle.stat()).ino);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes into `buffer` from `position`; 0 at the end for now. Plain files only. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(buffer, 0, buffer.length, position)).bytesRead;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /**
   * The content as text bytes, decompressed; of a plain file only the bytes up to `to`. A chunk is valid until the next one is
   * asked for.
   */
  async *chunks(from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    if (this.compressed) {
      // Its own descriptor: the stream closes it. A rotated file may have been renamed since, so by descriptor, not by path.
      const stream = createReadStream(`/proc/self/fd/${this.#handle.fd}`).pipe(createGunzip());
      for await (const chunk of stream) yield chunk as Uint8Array;
      return;
    }
    const buffer = new Uint8Array(CHUNK);
    for (let at = from; at < to; ) {
      const count = Math.min(await this.read(buffer, at), to - at);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

export const CHUNK = 256 * 1024;

/** So often the files are opened again because the writer rotated; one that always does is read as it comes. */
const ATTEMPTS = 20;

/**
 * Opens the files of the log, oldest first; with `until` only those newer than the first that it says is none of them any more.
 * After a rotation a name may stand for a newer file than the name before it did: they are opened again then.
 */
export async function openLogFiles(
  path: string,
  until?: (file: LogFile, newer: readonly LogFile[]) => Promise<boolean>,
): Promise<LogFile[]> {
  for (let left = ATTEMPTS; ; left--) {
    const files: LogFile[] = [];
    try {
      for await (const file of newestFirst(path)) {
        if (await until?.(file, files)) {
          await file[Symbol.asyncDispose]();
          break;
        }
        files.push(file);
      }
      const [newest] = files;
      if (newest === undefined || left === 0 || (await inodeAt(path)) === newest.inode)
        return files.reverse();
    } catch (error) {
      await closeAll(files);
      throw error;
    }
    await closeAll(files);
  }
}

/**
 * Opens `path`, `path.1`, … each once. The writer may rotate meanwhile: a file that moved on is met again under its new name
 * (known by its inode) rather than missed, and one name at a time may be missing between two renames.
 * The files belong to the caller.
 */
async function* newestFirst(path: string): AsyncGenerator<LogFile> {
  const seen = new Set<number>();
  for (let number = 0, missing = 0; missing < 2; number++) {
    const name = number === 0 ? path : `${path}.${number}`;
    const file = (await LogFile.open(name)) ?? (number === 0 ? undefined : await LogFile.open(`${name}.gz`));
    if (file === undefined) {
      missing++;
      continue;
    }
    missing = 0;
    if (seen.has(file.inode)) await file[Symbol.asyncDispose]();
    else {
      seen.add(file.inode);
      yield file;
    }
  }
}

export async function closeAll(files: readonly LogFile[]): Promise<void> {
  for (const file of files) await file[Symbol.asyncDispose]();
}

/** Inode of what is at `path` now; undefined when nothing is. */
export async function inodeAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
