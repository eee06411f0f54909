import { closeSync, openSync, unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GrowingFile } from "../storage/object-store.ts";

/** A file without a name that a stream is written to on its way, where the storage cannot be read meanwhile (S3). */
export class Spool implements AsyncDisposable {
  readonly #file: Promise<FileHandle>;
  #readers = 1;

  constructor() {
    const path = join(tmpdir(), `berth-registry-${crypto.randomUUID()}`);
    closeSync(openSync(path, "wx", 0o600));
    this.#file = open(path, "r+").finally(() => unlinkSync(path));
  }

  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const file = await this.#file;
    let at = 0;
    for await (const piece of source) {
      for (let done = 0; done < piece.byteLength; ) {
        const { bytesWritten } = await file.write(piece, done, piece.byteLength - done, at + done);
        done += bytesWritten;
      }
      at += piece.byteLength;
      yield piece;
    }
  }

  async open(): Promise<GrowingFile> {
    if (this.#readers === 0) throw Object.assign(new Error("the fetch has ended"), { code: "ENOENT" });
    this.#readers++;
    const file = await this.#file;
    return {
      async read(offset, length) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: () => this.#leave(),
    };
  }

  async #leave(): Promise<void> {
    if (--this.#readers === 0) await (await this.#file).close();
  }

  /** The writer is done; those who read go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }
}
