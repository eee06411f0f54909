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
   * An error when the fetch fails.
   */
  async read(start: number, end: number): Promise<ReadableStream<Uint8Array>> {
    const file = await this.#open();
    const pieces = this.#follow(file, start, end);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: async () => {
          await pieces.return(undefined);
        },
      },
      { highWaterMark: 0 },
    );
  }

  async *#follow(file: GrowingFile, start: number, end: number): AsyncGenerator<Uint8Array> {
    try {
      for (let at = start; at < end; ) {
        const ended = this.#ended;
        if (ended) await this.done;
        const isLast = end - at <= PIECE;
        const piece = isLast && !ended ? EMPTY : await file.read(at, Math.min(PIECE, end - at));
        if (piece.byteLength > 0) {
          at += piece.byteLength;
          yield piece;
        } else if (ended) throw new Error("the blob is shorter than it was said to be");
        else if (!this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      await file.close();
    }
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each();
  }
}

const EMPTY = new Uint8Array();
