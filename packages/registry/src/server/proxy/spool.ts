import { closeSync, openSync, unlinkSync, write } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readPart } from "../storage/disk/growing-file.ts";
import type { GrowingFile } from "../storage/object-store.ts";

const writeFile = promisify(write);

/** A file without a name that a stream is written to on its way, where the storage cannot be read meanwhile (S3). */
export class Spool implements Disposable {
  readonly #descriptor: number;
  /** The writer and those who read. */
  #users = 1;

  constructor() {
    const path = join(tmpdir(), `berth-registry-${crypto.randomUUID()}`);
    this.#descriptor = openSync(path, "wx+", 0o600);
    unlinkSync(path);
  }

  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let at = 0;
    for await (const piece of source) {
      for (let done = 0; done < piece.byteLength; ) {
        const left = piece.byteLength - done;
        const { bytesWritten } = await writeFile(this.#descriptor, piece, done, left, at + done);
        done += bytesWritten;
      }
      at += piece.byteLength;
      yield piece;
    }
  }

  /** Undefined when it is gone. */
  open(): GrowingFile | undefined {
    if (this.#users === 0) return undefined;
    this.#users++;
    return {
      read: (offset, length) => readPart(this.#descriptor, offset, length),
      close: () => this[Symbol.dispose](),
    };
  }

  /** One less uses it. */
  [Symbol.dispose](): void {
    if (--this.#users === 0) closeSync(this.#descriptor);
  }
}
