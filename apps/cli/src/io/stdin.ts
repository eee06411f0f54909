/** Standard input, by pull. */
export interface Input {
  /** The next bytes; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Everything up to the end. */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>;
  /** A line without its end; undefined when there is none. */
  line(): Promise<string | undefined>;
}

const LONGEST_LINE = 4096;

/** What `line` read beyond its end is given to the next read. */
class BufferedInput implements Input {
  readonly #next: () => Promise<Uint8Array | undefined>;
  #rest: Uint8Array | undefined;

  constructor(next: () => Promise<Uint8Array | undefined>) {
    this.#next = next;
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = this.#rest ?? (await this.#next());
    this.#rest = undefined;
    return bytes;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      if (chunk.length > 0) yield chunk;
    }
  }

  async line(): Promise<string | undefined> {
    let line = "";
    const decoder = new TextDecoder();
    for (;;) {
      const chunk = await this.read();
      if (chunk === undefined) return line === "" ? undefined : line;
      const end = chunk.indexOf(10);
      line += decoder.decode(end < 0 ? chunk : chunk.subarray(0, end), { stream: true });
      if (end >= 0 || line.length > LONGEST_LINE) {
        if (end >= 0 && end + 1 < chunk.length) this.#rest = chunk.subarray(end + 1);
        return line.endsWith("\r") ? line.slice(0, -1) : line;
      }
    }
  }
}

/** `Bun.stdin` reads pipes, files, sockets and terminals; process.stdin would cost 18 ms to load. */
export function standardInput(): Input {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new BufferedInput(async () => {
    reader ??= Bun.stdin.stream().getReader() as ReadableStreamDefaultReader<Uint8Array>;
    const { done, value } = await reader.read();
    return done ? undefined : value;
  });
}

/** Input that is known beforehand. */
export function inputOf(chunks: Iterable<Uint8Array>): Input {
  const iterator = chunks[Symbol.iterator]();
  return new BufferedInput(async () => iterator.next().value as Uint8Array | undefined);
}
