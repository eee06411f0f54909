import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, encoded, log, notFound } from "@berth/base";
import { readBlob, streamBlob } from "./blob-reader.ts";
import { FileBlobWriter, type Finished } from "./blob-writer.ts";
import type {
  Blob,
  BlobFile,
  BlobWriter,
  Content,
  Expected,
  Lease,
  PartialBlob,
  WriteOptions,
} from "./content.ts";
import { BLOBS, INGEST, PARTIAL, parseName, type StoredBlob, storedBlob } from "./layout.ts";
import { Leases } from "./leases.ts";
import { FilePartialBlob } from "./partial-blob.ts";

/** Milliseconds after which a blob that was not fetched to its end is given up. */
const KEEP_PARTIAL = 7 * 24 * 3600 * 1000;

/** Opens or makes the store below `root` (`<data-root>/content`); one process at a time uses it. */
export function openContent(root: string): Content {
  mkdirSync(join(root, BLOBS), { recursive: true, mode: 0o700 });
  rmSync(join(root, INGEST), { recursive: true, force: true });
  mkdirSync(join(root, INGEST), { mode: 0o700 });
  mkdirSync(join(root, PARTIAL), { recursive: true, mode: 0o700 });
  for (const name of readdirSync(join(root, PARTIAL))) {
    const path = join(root, PARTIAL, name);
    if (Date.now() - statSync(path).mtimeMs > KEEP_PARTIAL) rmSync(path, { recursive: true, force: true });
  }
  const blobs = new Map<Digest, StoredBlob>();
  for (const name of readdirSync(join(root, BLOBS))) {
    const found = parseName(name);
    if (found !== undefined) blobs.set(found.digest, found.blob);
    else log.warn("a file that does not belong into the content store", { path: join(root, BLOBS, name) });
  }
  return new FileContent(root, blobs);
}

/** The names in the folder are the only truth; this is their copy in memory. */
class FileContent implements Content {
  readonly #root: string;
  readonly #blobs: Map<Digest, StoredBlob>;
  readonly #leases = new Leases();
  /** Being fetched now; each resolves when somebody else may go on with it. */
  readonly #partials = new Map<Digest, Promise<void>>();
  #counter = 0;

  constructor(root: string, blobs: Map<Digest, StoredBlob>) {
    this.#root = root;
    this.#blobs = blobs;
  }

  has(digest: Digest): boolean {
    return this.#blobs.has(digest);
  }

  size(digest: Digest): number | undefined {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) return undefined;
    blob.size ??= statSync(this.#path(blob)).size;
    return blob.size;
  }

  list(): Blob[] {
    return [...this.#blobs.keys()].map((digest) => ({ digest, size: this.size(digest)! }));
  }

  diskUsage(): number {
    let bytes = 0;
    for (const blob of this.#blobs.values()) bytes += statSync(this.#path(blob)).size;
    return bytes;
  }

  locate(digest: Digest): BlobFile {
    const blob = this.#get(digest);
    return { path: this.#path(blob), encoding: blob.encoding };
  }

  lease(): Lease {
    return this.#leases.take();
  }

  async writer(options: WriteOptions): Promise<BlobWriter> {
    const temporary = join(this.#root, INGEST, `${process.pid}-${++this.#counter}`);
    return FileBlobWriter.create(
      temporary,
      options.maximum ?? Number.MAX_SAFE_INTEGER,
      (options.encoding ?? "auto") === "auto",
      (finished) => this.#publish(finished, options.lease),
    );
  }

  async ingest(
    stream: ReadableStream<Uint8Array>,
    options: WriteOptions & { expected?: Expected; signal?: AbortSignal },
  ): Promise<Blob> {
    await using writer = await this.writer(options);
    for await (const chunk of stream) {
      options.signal?.throwIfAborted();
      writer.write(chunk);
      await writer.drain();
    }
    options.signal?.throwIfAborted();
    return await writer.commit(options.expected);
  }

  async partial({ digest, size }: Blob, lease: Lease): Promise<PartialBlob> {
    lease.hold(digest);
    while (this.#partials.has(digest)) await this.#partials.get(digest);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#partials.set(digest, promise);
    const closed = () => {
      this.#partials.delete(digest);
      resolve();
    };
    try {
      return await FilePartialBlob.open(
        join(this.#root, PARTIAL, encoded(digest)),
        size,
        (temporary) => this.#publish({ digest, size, encoding: "identity", temporary }, lease),
        closed,
      );
    } catch (error) {
      closed();
      throw error;
    }
  }

  async dropPartials(which: (digest: Digest, written: number) => boolean): Promise<number> {
    const folder = join(this.#root, PARTIAL);
    let bytes = 0;
    for (const name of readdirSync(folder)) {
      // A blob's file, and the list of its parts beside it.
      const digest: Digest = `sha256:${name.replace(/\..*$/, "")}`;
      if (this.#partials.has(digest)) continue;
      const path = join(folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined || !which(digest, stat.mtimeMs)) continue;
      bytes += stat.blocks * 512;
      rmSync(path, { recursive: true, force: true });
    }
    return bytes;
  }

  async put(bytes: Uint8Array, options: WriteOptions): Promise<Blob> {
    await using writer = await this.writer(options);
    writer.write(bytes);
    return await writer.commit();
  }

  open(digest: Digest): ReadableStream<Uint8Array> {
    return streamBlob(this.locate(digest), digest);
  }

  async read(digest: Digest, maximum: number): Promise<Uint8Array> {
    return await readBlob(this.locate(digest), digest, this.size(digest)!, maximum);
  }

  async delete(digest: Digest): Promise<void> {
    await this.#forget(digest)?.();
  }

  async collect(referenced: ReadonlySet<Digest>): Promise<{ blobs: number; bytes: number }> {
    const freed = { blobs: 0, bytes: 0 };
    const deletions: (() => Promise<void>)[] = [];
    // All in one go: nobody takes a lease between the choice and the deed.
    for (const [digest, blob] of [...this.#blobs]) {
      if (referenced.has(digest) || this.#leases.holds(digest)) continue;
      freed.bytes += statSync(this.#path(blob), { throwIfNoEntry: false })?.size ?? 0;
      freed.blobs++;
      const deletion = this.#forget(digest);
      if (deletion !== undefined) deletions.push(deletion);
    }
    for (const deletion of deletions) await deletion();
    return freed;
  }

  /** Takes a blob out of the store at once; what is returned frees the disk. */
  #forget(digest: Digest): (() => Promise<void>) | undefined {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) return undefined;
    this.#blobs.delete(digest);
    // Moved before anything else can happen: the same content may be written again while a large file is unlinked.
    const moved = join(this.#root, INGEST, `deleted-${++this.#counter}`);
    try {
      renameSync(this.#path(blob), moved);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return () => unlink(moved);
  }

  #path(blob: StoredBlob): string {
    return join(this.#root, BLOBS, blob.name);
  }

  #get(digest: Digest): StoredBlob {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) throw notFound(`content ${digest} is not there`);
    return blob;
  }

  async #publish(finished: Finished, lease: Lease): Promise<void> {
    const { digest, size, encoding, temporary } = finished;
    // Held first, so that a collection which runs now leaves it.
    lease.hold(digest);
    if (this.#blobs.has(digest)) {
      await unlink(temporary);
      return;
    }
    const blob = storedBlob(digest, encoding, size);
    await rename(temporary, this.#path(blob));
    this.#blobs.set(digest, blob);
    const folder = await open(join(this.#root, BLOBS), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
