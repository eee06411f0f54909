import type { GrowingFile } from "../storage/object-store.ts";

/** Bytes read at once for a client. */
const PIECE = 1 << 20;
/** How far behind the last byte that has come a range may begin and still wait for it. */
const NEAR = 16 << 20;

/** A blob on its way from the other registry into the storage, and all who wait for it. */
export class SharedFetch {
  /** Of the blob; undefined when the other registry does not say it. */
  readonly size: number | undefined;
  /** Bytes that have come. */
  received = 0;
  /** Resolves when the blob is kept; rejects when it could not be. */
  readonly done: Promise<void>;
  readonly #open: () => Promise<GrowingFile>;
  #ended = false;
  #waiting: (() => void)[] = [];

  /** @param open the file into which it comes; callable while it comes. @param done see `done`. */
  constructor(size: number | undefined, open: () => Promise<GrowingFile>, done: Promise<void>) {
    this.size = size;
    this.#open = open;
    this.done = done;
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    done.then(end, end);
  }

  /** Passes on what comes, and counts it. */
  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      yield piece;
      this.received += piece.byteLength;
      this.#wake();
    }
  }

  /** Whether what begins there will soon come. */
  isNear(start: number): boolean {
    return start <= this.received + NEAR;
  }

  /**
   * The bytes from `start` to before `end`, as they come; the last ones only when the digest of all was right.
   * An error when the fetch fails. Nothing is open before somebody reads, and nothing after he left.
   */
  read(start: number, end: number): ReadableStream<Uint8Array> {
    const reader = new Reader(this.#open);
    let at = start;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const piece = await this.#next(reader, at, end);
            if (piece !== undefined) {
              at += piece.byteLength;
              controller.enqueue(piece);
            }
            if (at < end && piece !== undefined) return;
            await reader.close();
            if (piece !== undefined) controller.close();
          } catch (error) {
            await reader.close();
            throw error;
          }
        },
        cancel: () => reader.close(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The next bytes, when there are some; undefined when the reader has left. */
  async #next(reader: Reader, at: number, end: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const ended = this.#ended;
      if (ended) await this.done;
      const isLast = end - at <= PIECE;
      const piece = isLast && !ended ? EMPTY : await reader.read(at, Math.min(PIECE, end - at));
      if (piece === undefined || piece.byteLength > 0) return piece;
      if (ended) throw new Error("the blob is shorter than it was said to be");
      if (!this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (reader.isClosed) return undefined;
    }
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each();
  }
}

const EMPTY = new Uint8Array();

/** A file that is opened when it is first read, and closed when the last reading has ended. */
class Reader {
  readonly #open: () => Promise<GrowingFile>;
  #file: Promise<GrowingFile> | undefined;
  isClosed = false;

  constructor(open: () => Promise<GrowingFile>) {
    this.#open = open;
  }

  /** Undefined when it is closed. */
  async read(offset: number, length: number): Promise<Uint8Array | undefined> {
    if (this.isClosed) return undefined;
    this.#file ??= this.#open();
    const file = this.#file;
    const reading = file.then((opened) => opened.read(offset, length));
    // Closing waits for it.
    this.#file = reading.then(
      () => file,
      () => file,
    );
    return await reading;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    const file = await this.#file?.catch(() => undefined);
    file?.close();
  }
}
