import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open, rename, rm, rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ByteRange, GrowingFile, ObjectStat, ObjectStore } from "../object-store.ts";
import { OWN, REPOSITORIES } from "../paths.ts";
import { makeFolder, syncFolder } from "./durable.ts";
import { openGrowing } from "./growing-file.ts";
import { clearTemporaryFolders, TemporaryFolder } from "./temporary.ts";
import { appendStream } from "./upload-writer.ts";

/** In an upload's folder. */
const DATA = "data";
const STARTED = "startedat";

const isAbsent = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/**
 * Opens or makes the store below `root`. Several processes may use it: a name appears by rename when its content is synced,
 * and disappears by unlink; readers have the whole old or the whole new object.
 */
export function openDiskStore(root: string): ObjectStore {
  mkdirSync(join(root, REPOSITORIES), { recursive: true, mode: 0o755 });
  const temporary = join(root, OWN, "tmp");
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  clearTemporaryFolders(temporary);
  return new DiskStore(root);
}

class DiskStore implements ObjectStore {
  readonly description: string;
  readonly #root: string;
  readonly #temporary: TemporaryFolder;

  constructor(root: string) {
    this.#root = root;
    this.#temporary = new TemporaryFolder(join(root, OWN, "tmp"));
    this.description = `the folder ${root}`;
  }

  read(key: string): Uint8Array | undefined {
    try {
      return readFileSync(this.#path(key));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  stat(key: string): ObjectStat | undefined {
    const found = statSync(this.#path(key), { throwIfNoEntry: false });
    return found?.isFile() ? { size: found.size, modified: found.mtimeMs } : undefined;
  }

  body(key: string, _size: number, range?: ByteRange): Blob {
    const file = Bun.file(this.#path(key));
    return range === undefined ? file : file.slice(range.start, range.end);
  }

  list(folder: string): string[] {
    try {
      return readdirSync(this.#path(folder), { withFileTypes: true })
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  async write(objects: readonly (readonly [key: string, content: string | Uint8Array])[]): Promise<void> {
    const staged = objects.map(([key, content]) => ({
      path: this.#path(key),
      temporary: this.#temporary.next(),
      content,
    }));
    try {
      await Promise.all(staged.map(({ temporary, content }) => writeSynced(temporary, content)));
      // The last one names the others (a tag its manifest): it must not survive a power loss without them.
      for (const group of [staged.slice(0, -1), staged.slice(-1)]) {
        const changed = new Set<string>();
        for (const { path, temporary } of group) this.#place(temporary, path, changed);
        await Promise.all([...changed].map(syncFolder));
      }
    } catch (error) {
      for (const { temporary } of staged) await rm(temporary, { force: true });
      throw error;
    }
  }

  touch(key: string): void {
    try {
      const now = Date.now() / 1000;
      utimesSync(this.#path(key), now, now);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    const changed = new Set<string>();
    for (const key of keys) {
      const path = this.#path(key);
      try {
        await unlink(path);
      } catch (error) {
        if (!isAbsent(error)) throw error;
        continue;
      }
      changed.add(await this.#removeEmpty(dirname(path)));
    }
    await Promise.all([...changed].map((folder) => syncFolder(folder).catch(ignoreAbsent)));
  }

  async removeFolder(folder: string): Promise<void> {
    const path = this.#path(folder);
    const gone = this.#temporary.next();
    try {
      await rename(path, gone);
    } catch (error) {
      if (isAbsent(error)) return;
      throw error;
    }
    await syncFolder(dirname(path)).catch(ignoreAbsent);
    await rm(gone, { recursive: true, force: true });
  }

  async createUpload(folder: string): Promise<void> {
    const path = this.#path(folder);
    const changed = makeFolder(path).filter((each) => !each.endsWith("/_uploads"));
    // The names of a new repository: links below it will sync only their own.
    await Promise.all(changed.map(syncFolder));
    // Nothing is acknowledged that would need a sync. Small and synchronous: the thread pool costs more than the work.
    writeFileSync(join(path, STARTED), new Date().toISOString());
    writeFileSync(join(path, DATA), "");
  }

  uploadSize(folder: string): number | undefined {
    const path = this.#path(folder);
    const data = statSync(join(path, DATA), { throwIfNoEntry: false });
    if (data !== undefined) return data.size;
    // Docker's registry makes the data with the first byte.
    return existsSync(join(path, STARTED)) ? 0 : undefined;
  }

  async appendUpload(
    folder: string,
    offset: number,
    source: AsyncIterable<Uint8Array>,
    tap: (piece: Uint8Array) => void,
  ): Promise<number> {
    const path = join(this.#path(folder), DATA);
    if (!existsSync(path)) await writeFile(path, "");
    return appendStream(path, offset, source, tap);
  }

  readUpload(folder: string): ReadableStream<Uint8Array> {
    return Bun.file(join(this.#path(folder), DATA)).stream();
  }

  followUpload(folder: string, key: string): GrowingFile {
    try {
      return openGrowing(join(this.#path(folder), DATA));
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return openGrowing(this.#path(key));
    }
  }

  async publishUpload(folder: string, key: string): Promise<void> {
    const path = this.#path(key);
    const upload = this.#path(folder);
    if (!existsSync(path)) {
      const data = join(upload, DATA);
      const file = await open(data, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      const changed = new Set<string>();
      this.#place(data, path, changed);
      await Promise.all([...changed].map(syncFolder));
    } else {
      this.touch(key);
      // Another upload may have brought it this moment, and not have synced its name yet.
      await Promise.all([dirname(path), dirname(dirname(path))].map(syncFolder));
    }
    await rm(upload, { recursive: true, force: true });
  }

  async removeUpload(folder: string): Promise<void> {
    await rm(this.#path(folder), { recursive: true, force: true });
  }

  uploadModified(folder: string): number | undefined {
    const path = this.#path(folder);
    const found =
      statSync(join(path, DATA), { throwIfNoEntry: false }) ?? statSync(path, { throwIfNoEntry: false });
    return found?.mtimeMs;
  }

  async check(): Promise<void> {
    accessSync(join(this.#root, REPOSITORIES), constants.R_OK | constants.X_OK);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#temporary[Symbol.dispose]();
  }

  #path(key: string): string {
    return `${this.#root}/${key}`;
  }

  /** Without a pause between making the folder and using it: an emptied one is removed by others. */
  #place(from: string, to: string, changed: Set<string>): void {
    const folder = dirname(to);
    for (let attempt = 0; ; attempt++) {
      for (const each of makeFolder(folder)) changed.add(each);
      try {
        renameSync(from, to);
        break;
      } catch (error) {
        if (!isAbsent(error) || attempt === 5 || !existsSync(from)) throw error;
      }
    }
    changed.add(folder);
  }

  /** Removes a folder, and those above it that hold one thing only, while they are empty. @returns the one that stayed. */
  async #removeEmpty(folder: string): Promise<string> {
    let at = folder;
    for (let depth = 0; depth < 3 && /\/(_layers|_manifests|_referrers|blobs)\//.test(at); depth++) {
      try {
        await rmdir(at);
      } catch {
        return at;
      }
      at = dirname(at);
      if (/\/(_layers|revisions|tags|blobs)(\/[^/]+)?$/.test(at)) return at;
    }
    return at;
  }
}

function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
