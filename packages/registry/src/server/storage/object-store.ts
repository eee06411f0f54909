/**
 * Where a registry keeps its things: whole objects by key, and uploads that grow until they are published under a key.
 * Keys are relative paths of plain components (storage/paths.ts makes them). disk/ and s3/ implement it;
 * contract.test-helper.ts is the suite that both pass.
 */
export type Awaitable<T> = T | Promise<T>;

export interface ObjectStat {
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970 of the last write or touch. */
  modified: number;
}

/** Bytes `start` to before `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Reading. */
export interface ObjectReader {
  /** A small object whole; undefined when there is none. */
  read(key: string): Awaitable<Uint8Array | undefined>;
  stat(key: string): Awaitable<ObjectStat | undefined>;
  /** What a response sends; `size` as `stat` gave it. */
  body(key: string, size: number, range?: ByteRange): Awaitable<Blob | ReadableStream<Uint8Array>>;
  /** A URL at which the client can read it itself, with ranges; undefined: through us. */
  redirect?(key: string): string | undefined;
  /** Names directly below a folder, sorted by code unit; folders end in `/`. Empty when there is none. */
  list(folder: string): Awaitable<string[]>;
}

/** Changing small objects. What is acknowledged is durable. */
export interface ObjectWriter {
  /** Publishes objects in this order, each whole or not at all; the last one when the others are durable. */
  write(objects: readonly (readonly [key: string, content: string | Uint8Array])[]): Promise<void>;
  /** Sets `modified` to now; nothing when there is no such object. */
  touch(key: string): Awaitable<void>;
  /** Removes objects in this order; those that are not there are no error. */
  remove(keys: readonly string[]): Promise<void>;
  /** Removes a folder with all that is in it. */
  removeFolder(folder: string): Promise<void>;
}

/** The content of an upload while it grows, and after it was published. */
export interface GrowingFile {
  /** At most so many of the bytes that are there behind the offset; empty when there are none yet. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): void;
}

/** An upload is named by a folder key, in which it keeps what it needs. It survives the process. */
export interface UploadStore {
  createUpload(folder: string): Promise<void>;
  /** Bytes that it has; undefined when there is no such upload. */
  uploadSize(folder: string): Awaitable<number | undefined>;
  /**
   * Appends a stream. `tap` sees each piece in order. When the stream fails, what came before stays.
   * @returns bytes that the upload has now. @throws what the stream or the storage throws.
   */
  appendUpload(
    folder: string,
    offset: number,
    source: AsyncIterable<Uint8Array>,
    tap: (piece: Uint8Array) => void,
  ): Promise<number>;
  /** The bytes so far. */
  readUpload(folder: string): Awaitable<ReadableStream<Uint8Array>>;
  /** `key`: where it is when it was published meanwhile. Absent where an upload cannot be read while it grows. */
  followUpload?(folder: string, key: string): GrowingFile;
  /** Makes the upload the object `key`, durable, and ends the upload. An object that is there already stays. */
  publishUpload(folder: string, key: string): Promise<void>;
  removeUpload(folder: string): Promise<void>;
  /** When the upload was begun or last grew, in milliseconds since 1970. */
  uploadModified(folder: string): Awaitable<number | undefined>;
}

export interface ObjectStore extends ObjectReader, ObjectWriter, UploadStore, AsyncDisposable {
  /** For the log: what and where. */
  readonly description: string;
  /** @throws when it cannot be used (the health check). */
  check(): Promise<void>;
}
