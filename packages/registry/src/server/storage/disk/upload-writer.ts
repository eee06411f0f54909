import { type FileHandle, open } from "node:fs/promises";

/** Bytes on their way to the file before the stream is held back. */
const IN_FLIGHT = 4 << 20;

/**
 * Appends a stream to a file from `offset`, without copies: while a batch is written by another thread, the next is
 * received and seen by `tap` (hashed). When the stream fails, what it gave before is in the file.
 * @returns the offset behind the last byte.
 */
export async function appendStream(
  path: string,
  offset: number,
  source: AsyncIterable<Uint8Array>,
  tap: (piece: Uint8Array) => void,
): Promise<number> {
  const file = await open(path, "r+");
  try {
    // What a request that failed may have left behind the offset that its client was told.
    await file.truncate(offset);
    const pump = new Pump(file, offset);
    try {
      for await (const piece of source) {
        if (piece.byteLength === 0) continue;
        tap(piece);
        await pump.put(piece);
      }
    } finally {
      await pump.end();
    }
    return pump.position;
  } finally {
    await file.close();
  }
}

class Pump {
  readonly #file: FileHandle;
  position: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.position = position;
  }

  async put(piece: Uint8Array): Promise<void> {
    this.#waiting.push(piece);
    this.#bytes += piece.byteLength;
    this.#writing ??= this.#drain();
    while (this.#bytes > IN_FLIGHT && this.#failure === undefined) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async end(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        let batch = this.#waiting.splice(0, 64);
        while (batch.length > 0) {
          let { bytesWritten } = await this.#file.writev(batch, this.position);
          this.position += bytesWritten;
          this.#bytes -= bytesWritten;
          let index = 0;
          while (index < batch.length && bytesWritten >= batch[index]!.byteLength) {
            bytesWritten -= batch[index]!.byteLength;
            index++;
          }
          batch = batch.slice(index);
          if (bytesWritten > 0) batch[0] = batch[0]!.subarray(bytesWritten);
        }
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#writing = undefined;
    }
  }
}
