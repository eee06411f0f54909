import type { Digest } from "@berth/base";

export interface Blob {
  digest: Digest;
  /** Bytes of the content, not of the file. */
  size: number;
}

/** Where a blob lies, for a worker that reads it: the content as it is, or zstd frames of it. */
export interface BlobFile {
  path: string;
  encoding: "identity" | "zstd";
}

/** Keeps blobs from `collect` for as long as it is not disposed. In memory: what a crash leaves is collected later. */
export interface Lease extends Disposable {
  hold(digest: Digest): void;
}

export interface WriteOptions {
  lease: Lease;
  /** More bytes are too-large. */
  maximum?: number;
  /**
   * `auto`: content that is not compressed already is kept as zstd, which is invisible but for `locate`.
   * `identity`: as it is.
   */
  encoding?: "auto" | "identity";
}

/** What a blob must be; a mismatch is an invalid-parameter, and nothing is kept. */
export interface Expected {
  digest?: Digest;
  size?: number;
}

/** A blob being written. Disposing it before `commit` throws it away. */
export interface BlobWriter extends AsyncDisposable {
  /** Takes a copy. @throws too-large. */
  write(bytes: Uint8Array): void;
  /** Resolves when more may be written: call it after each some 100 KiB. @throws what a write to the disk threw. */
  drain(): Promise<void>;
  /** The blob is complete: written, synced, and visible under its digest when this resolves. */
  commit(expected?: Expected): Promise<Blob>;
}

/**
 * A blob that comes in parts, in any order, and from several attempts: what is there stays when it is disposed before
 * `commit`, also over a restart of the daemon, until it is a week old.
 */
export interface PartialBlob extends AsyncDisposable {
  /** The file, with holes where parts are missing. */
  readonly path: string;
  readonly size: number;
  /** Parts that are there, [from, to), in order. */
  ranges(): readonly (readonly [number, number])[];
  /** Bytes from the beginning without a hole. */
  readonly prefix: number;
  readonly complete: boolean;
  /** Writes of different parts may run at once. */
  write(offset: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** The blob is complete, and the caller has verified that it has its digest: it is visible when this resolves. */
  commit(): Promise<void>;
  /** Forgets all of it. */
  discard(): Promise<void>;
}

/** Blobs by the digest of their content. */
export interface Content {
  has(digest: Digest): boolean;
  /** Bytes of the content; undefined when there is no such blob. */
  size(digest: Digest): number | undefined;
  list(): Blob[];
  /** Bytes on disk of all blobs. */
  diskUsage(): number;
  /** @throws not-found. */
  locate(digest: Digest): BlobFile;

  lease(): Lease;
  writer(options: WriteOptions): Promise<BlobWriter>;
  /** Writes a whole stream. On failure or abort nothing is kept. */
  ingest(
    stream: ReadableStream<Uint8Array>,
    options: WriteOptions & { expected?: Expected; signal?: AbortSignal },
  ): Promise<Blob>;
  /** What there is of a blob that is being fetched. Only one at a time for each digest. */
  partial(blob: { digest: Digest; size: number }, lease: Lease): Promise<PartialBlob>;
  /**
   * Forgets parts of blobs that nobody fetches now: those that `which` names. `written`: the last time, in milliseconds since
   * 1970. @returns their bytes on disk.
   */
  dropPartials(which: (digest: Digest, written: number) => boolean): Promise<number>;
  /** Writes a small blob. */
  put(bytes: Uint8Array, options: WriteOptions): Promise<Blob>;

  /** The content; it errs at its end when it is not what the digest says. @throws not-found. */
  open(digest: Digest): ReadableStream<Uint8Array>;
  /** The whole content of a small blob, verified. @throws not-found; too-large above `maximum`; system when damaged. */
  read(digest: Digest, maximum: number): Promise<Uint8Array>;

  /** Idempotent. */
  delete(digest: Digest): Promise<void>;
  /** Deletes what is neither in `referenced` nor held by a lease; what goes is decided before the call returns. */
  collect(referenced: ReadonlySet<Digest>): Promise<{ blobs: number; bytes: number }>;
}
