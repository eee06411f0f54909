import type { Context } from "../context.ts";
import { humanSize } from "../format/sizes.ts";

const REDRAW_MS = 75;

/** Shows how many bytes have been copied, if somebody looks. */
export class CopyProgress {
  readonly #context: Context;
  readonly #verb: string;
  readonly #live: boolean;
  #bytes = 0;
  #drawn = 0;

  /** `verb`: `Copying to container`. `live`: redraw a line while bytes come. */
  constructor(context: Context, verb: string, live: boolean) {
    this.#context = context;
    this.#verb = verb;
    this.#live = live;
  }

  /** The same chunks, counted. */
  async *count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length;
      if (this.#live && performance.now() - this.#drawn > REDRAW_MS) {
        this.#drawn = performance.now();
        await this.#context.stderr.write(`\r\x1b[K${this.#verb} - ${humanSize(this.#bytes)}`);
      }
      yield chunk;
    }
  }

  /** Takes the live line away. */
  async clear(): Promise<void> {
    if (this.#live && this.#drawn > 0) await this.#context.stderr.write("\r\x1b[K");
  }

  /** The last word. */
  async done(destination: string): Promise<void> {
    await this.#context.stderr.write(`Successfully copied ${humanSize(this.#bytes)} to ${destination}\n`);
  }
}
