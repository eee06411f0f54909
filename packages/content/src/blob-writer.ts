import { type FileHandle, open, rm } from "node:fs/promises";
import { detectCompression } from "@berth/archive";
import { type Digest, invalidParameter, systemError, tooLarge } from "@berth/base";
import type { Blob, BlobWriter, Expected } from "./content.ts";

/** Bytes that are collected before they are compressed or written; each piece is a zstd frame of its own. */
const PIECE = 1 << 20;
/** Pieces on their way to the disk before `drain` waits. They are compressed side by side. */
const IN_FLIGHT = 4;
/** Level 1: on tars of programs 41 % against 37 % of level 3, at two thirds of the time (docs/design/004-images.md). */
const LEVEL = 1;
/** Below it a file cannot become smaller than a block. */
const SMALL = 4096;

export interface Finished extends Blob {
  temporary: string;
  encoding: "identity" | "zstd";
}

/** Hashes, perhaps compresses, and writes to a temporary file; `publish` gives the complete and synced file its place. */
export class FileBlobWriter implements BlobWriter {
  readonly #temporary: string;
  readonly #maximum: number;
  readonly #mayCompress: boolean;
  readonly #publish: (finished: Finished) => Promise<void>;
  readonly #hash = new Bun.CryptoHasher("sha256");
  #file: FileHandle | undefined;
  #buffer = new Uint8Array(PIECE);
  #filled = 0;
  #size = 0;
  #encoding: "identity" | "zstd" | undefined;
  /** Resolves when everything before it is written. */
  #tail: Promise<void> = Promise.resolve();
  #pending = 0;
  #wake: (() => void) | undefined;
  #failure: unknown;
  #done = false;

  private constructor(
    file: FileHandle,
    temporary: string,
    maximum: number,
    mayCompress: boolean,
    publish: (finished: Finished) => Promise<void>,
  ) {
    this.#file = file;
    this.#temporary = temporary;
    this.#maximum = maximum;
    this.#mayCompress = mayCompress;
    this.#publish = publish;
  }

  static async create(
    temporary: string,
    maximum: number,
    mayCompress: boolean,
    publish: (finished: Finished) => Promise<void>,
  ): Promise<FileBlobWriter> {
    const file = await open(temporary, "wx", 0o600);
    return new FileBlobWriter(file, temporary, maximum, mayCompress, publish);
  }

  write(bytes: Uint8Array): void {
    if (this.#done) throw new Error("the blob is complete");
    if (this.#size + bytes.byteLength > this.#maximum) {
      throw tooLarge(`content is larger than ${this.#maximum} bytes`);
    }
    this.#size += bytes.byteLength;
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.byteLength; ) {
      const count = Math.min(PIECE - this.#filled, bytes.byteLength - at);
      this.#buffer.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === PIECE) this.#flush();
    }
  }

  async drain(): Promise<void> {
    while (this.#pending >= IN_FLIGHT && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async commit(expected: Expected = {}): Promise<Blob> {
    if (this.#done) throw new Error("the blob is complete");
    this.#done = true;
    const digest: Digest = `sha256:${this.#hash.digest("hex")}`;
    const size = this.#size;
    if (expected.size !== undefined && expected.size !== size) {
      throw invalidParameter(`content has ${size} bytes, expected ${expected.size}`);
    }
    if (expected.digest !== undefined && expected.digest !== digest) {
      throw invalidParameter(`content has the digest ${digest}, expected ${expected.digest}`);
    }
    this.#flush();
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure;
    const file = this.#file!;
    await file.sync();
    this.#file = undefined;
    await file.close();
    await this.#publish({ digest, size, temporary: this.#temporary, encoding: this.#encoding ?? "identity" });
    return { digest, size };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#done = true;
    await this.#tail;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    await rm(this.#temporary, { force: true });
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#encoding ??=
      this.#mayCompress && piece.length >= SMALL && detectCompression(piece) === "none" ? "zstd" : "identity";
    const encode = this.#encoding === "zstd" ? Bun.zstdCompress(piece, { level: LEVEL }) : piece;
    this.#buffer = new Uint8Array(this.#done ? 0 : PIECE);
    this.#filled = 0;
    this.#pending++;
    this.#tail = this.#append(this.#tail, encode);
  }

  async #append(before: Promise<void>, encode: Uint8Array | Promise<Uint8Array>): Promise<void> {
    try {
      const bytes = await encode;
      await before;
      if (this.#failure === undefined) await writeAll(this.#file!, bytes);
    } catch (error) {
      this.#failure ??= systemError(`cannot write ${this.#temporary}: ${reason(error)}`, { cause: error });
    } finally {
      this.#pending--;
      this.#wake?.();
      this.#wake = undefined;
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    at += (await file.write(bytes, at, bytes.byteLength - at)).bytesWritten;
  }
}

function reason(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (code === "ENOSPC") return "no space left on device";
  if (code === "EDQUOT") return "disk quota exceeded";
  return error instanceof Error ? error.message : String(error);
}
