import { ProtocolError } from "../errors.ts";
import type { BodyReader } from "./body.ts";
import { concat } from "./exchange.ts";

/** An answer whose body is read once: by iterating, or with `bytes`, `text`, `json`. */
export class Response implements AsyncIterable<Uint8Array> {
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly #body: BodyReader;
  readonly #finished: (reusable: boolean) => void;
  #over = false;

  /** `finished` is called once: when the body was read to its end (true) or given up (false). */
  constructor(
    head: { status: number; reason: string; headers: ReadonlyMap<string, string> },
    body: BodyReader,
    finished: (reusable: boolean) => void,
  ) {
    this.status = head.status;
    this.reason = head.reason;
    this.headers = head.headers;
    this.#body = body;
    this.#finished = finished;
    if (body.complete) this.#finish(true);
  }

  /** The next bytes; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#over) return undefined;
    let chunk: Uint8Array | undefined;
    try {
      chunk = await this.#body.next();
    } catch (error) {
      this.#finish(false);
      throw error;
    }
    if (chunk === undefined || this.#body.complete) this.#finish(this.#body.complete);
    return chunk;
  }

  /** Gives up the rest. */
  cancel(): void {
    this.#finish(false);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
    } finally {
      this.cancel();
    }
  }

  /** @throws ProtocolError when there are more than `most` bytes. */
  async bytes(most = 1 << 30): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this) {
      length += chunk.length;
      if (length > most) throw new ProtocolError(`response is longer than ${most} bytes`);
      chunks.push(chunk);
    }
    if (chunks.length < 2) return chunks[0] ?? new Uint8Array(0);
    if (chunks.length === 2) return concat(chunks[0]!, chunks[1]!);
    const whole = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** @throws ProtocolError when the body is not JSON. */
  async json<T>(): Promise<T> {
    const text = await this.text();
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new ProtocolError(`the daemon's answer is not JSON: ${text.slice(0, 100)}`, error);
    }
  }

  #finish(reusable: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#finished(reusable);
  }
}
