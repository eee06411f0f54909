import { posix } from "node:path";
import { type Bytes, decompress, detectStream, type TarEntry, TarReader, type TarSink } from "@berth/archive";
import { type Digest, invalidParameter, sha256 } from "@berth/base";
import type { BlobWriter, Content, Lease } from "@berth/content";

/** Files up to this size stay in memory; larger ones become blobs while the archive is read. */
const SMALL = 1 << 20;
/** Bytes of small files together; what comes after becomes blobs too. */
const MAX_MEMORY = 64 << 20;
const MAX_MEMBERS = 100_000;
const MAX_LINKS = 40;

/** A file of an image archive. */
export type ArchiveFile =
  | { kind: "memory"; bytes: Uint8Array; digest: Digest; size: number }
  | { kind: "blob"; digest: Digest; size: number };

type Event =
  | { type: "begin"; path: string; size: number }
  | { type: "data"; bytes: Uint8Array }
  | { type: "end" };

/**
 * The members of an image archive by path: what `docker save` and `skopeo` write. Names are only keys, nothing is written
 * under them. Contents are hashed on the way, so that what a manifest says about them can be held against it.
 */
export class ArchiveMembers {
  readonly #content: Content;
  readonly #lease: Lease;
  readonly #files = new Map<string, ArchiveFile>();
  /** Symbolic and hard links: to another member's path. */
  readonly #links = new Map<string, string>();
  #memory = 0;

  private constructor(content: Content, lease: Lease) {
    this.#content = content;
    this.#lease = lease;
  }

  /** Reads a tar, compressed in any way that Docker takes. @throws invalid-parameter for a damaged one. */
  static async read(
    tar: Bytes,
    content: Content,
    lease: Lease,
    signal: AbortSignal,
  ): Promise<ArchiveMembers> {
    const members = new ArchiveMembers(content, lease);
    const detected = await detectStream(tar);
    await members.#readTar(decompress(detected.compression, detected.source), signal);
    return members;
  }

  /** Undefined when there is no such file. @throws invalid-parameter for links in a circle. */
  get(path: string): ArchiveFile | undefined {
    let at = keyOf(path);
    for (let hops = 0; hops < MAX_LINKS; hops++) {
      const target = this.#links.get(at);
      if (target === undefined) return this.#files.get(at);
      at = target;
    }
    throw invalidParameter(`too many links at ${JSON.stringify(path.slice(0, 200))}`);
  }

  /** The bytes of a small file. @throws invalid-parameter when it is missing or larger than `maximum`. */
  async bytes(path: string, maximum: number): Promise<Uint8Array> {
    const file = this.get(path);
    if (file === undefined) throw missing(path);
    if (file.size > maximum) {
      throw invalidParameter(`${JSON.stringify(path.slice(0, 200))} is larger than ${maximum} bytes`);
    }
    return file.kind === "memory" ? file.bytes : await this.#content.read(file.digest, maximum);
  }

  /** The file as a blob of the store. @throws invalid-parameter when it is missing. */
  async blob(path: string): Promise<{ digest: Digest; size: number }> {
    const file = this.get(path);
    if (file === undefined) throw missing(path);
    if (file.kind === "memory") await this.#content.put(file.bytes, { lease: this.#lease });
    return { digest: file.digest, size: file.size };
  }

  async #readTar(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const events: Event[] = [];
    const reader = new TarReader(this.#sink(events));
    const receiver = new Receiver(this.#content, this.#lease, (size) => this.#keepInMemory(size));
    try {
      for await (const piece of tar) {
        signal.throwIfAborted();
        reader.push(piece);
        for (const event of events.splice(0)) await this.#handle(receiver, event);
      }
      reader.finish();
    } finally {
      await receiver[Symbol.asyncDispose]();
    }
  }

  async #handle(receiver: Receiver, event: Event): Promise<void> {
    if (event.type === "begin") await receiver.begin(event.path, event.size);
    else if (event.type === "data") await receiver.data(event.bytes);
    else {
      const { path, file } = await receiver.end();
      this.#links.delete(path);
      this.#files.set(path, file);
    }
  }

  #keepInMemory(size: number): boolean {
    if (size > SMALL || this.#memory + size > MAX_MEMORY) return false;
    this.#memory += size;
    return true;
  }

  /** Members become events, because writing blobs is asynchronous and the reader is not. */
  #sink(events: Event[]): TarSink {
    let seen = 0;
    let isFile = false;
    return {
      entry: (entry: TarEntry) => {
        if (++seen > MAX_MEMBERS)
          throw invalidParameter(`an image archive with more than ${MAX_MEMBERS} members`);
        const path = keyOf(entry.name);
        isFile = entry.type === "file";
        if (isFile) {
          if (entry.sparse !== undefined) throw invalidParameter("a sparse file in an image archive");
          events.push({ type: "begin", path, size: entry.size });
        } else if (entry.type === "symlink") {
          this.#link(path, keyOf(posix.join(posix.dirname(path), entry.linkName)));
        } else if (entry.type === "link") {
          this.#link(path, keyOf(entry.linkName));
        } else if (entry.type !== "directory") {
          throw invalidParameter(`${JSON.stringify(path.slice(0, 200))} is neither a file nor a link`);
        }
      },
      data: (bytes) => events.push({ type: "data", bytes }),
      end: () => {
        if (isFile) events.push({ type: "end" });
      },
    };
  }

  #link(path: string, target: string): void {
    this.#files.delete(path);
    this.#links.set(path, target);
  }
}

/** Takes the content of one member after the other. */
class Receiver implements AsyncDisposable {
  readonly #content: Content;
  readonly #lease: Lease;
  readonly #keepInMemory: (size: number) => boolean;
  #path = "";
  #parts: Uint8Array[] | undefined;
  #writer: BlobWriter | undefined;

  constructor(content: Content, lease: Lease, keepInMemory: (size: number) => boolean) {
    this.#content = content;
    this.#lease = lease;
    this.#keepInMemory = keepInMemory;
  }

  async begin(path: string, size: number): Promise<void> {
    this.#path = path;
    if (this.#keepInMemory(size)) this.#parts = [];
    else this.#writer = await this.#content.writer({ lease: this.#lease });
  }

  async data(bytes: Uint8Array): Promise<void> {
    // A copy: the piece is only valid until the next one is asked for.
    if (this.#parts !== undefined) this.#parts.push(bytes.slice());
    else {
      this.#writer!.write(bytes);
      await this.#writer!.drain();
    }
  }

  async end(): Promise<{ path: string; file: ArchiveFile }> {
    if (this.#parts !== undefined) {
      const bytes = Buffer.concat(this.#parts);
      this.#parts = undefined;
      return {
        path: this.#path,
        file: { kind: "memory", bytes, digest: sha256(bytes), size: bytes.length },
      };
    }
    const blob = await this.#writer!.commit();
    this.#writer = undefined;
    return { path: this.#path, file: { kind: "blob", ...blob } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]();
  }
}

/** One spelling for each path; `..` stays within the archive. */
function keyOf(name: string): string {
  return posix.join("/", name).slice(1).replace(/\/$/, "");
}

function missing(path: string): Error {
  return invalidParameter(`invalid archive: ${JSON.stringify(path.slice(0, 200))} is missing`);
}
