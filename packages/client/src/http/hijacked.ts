import type { Connection } from "../transport/connection.ts";

/** A connection taken over from HTTP (attach, exec start, dial-stdio): bytes both ways, with half-close. */
export class Hijacked implements AsyncIterable<Uint8Array> {
  /** `application/vnd.docker.multiplexed-stream`, `…raw-stream`, or undefined (before API 1.42). */
  readonly contentType: string | undefined;
  /** Of the answer that began it. */
  readonly headers: ReadonlyMap<string, string>;
  readonly #connection: Connection;
  readonly #release: () => void;

  constructor(connection: Connection, headers: ReadonlyMap<string, string>, release: () => void) {
    this.#connection = connection;
    this.headers = headers;
    this.contentType = headers.get("content-type");
    this.#release = release;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#connection.read();
  }

  /** Resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#connection.write(chunk);
  }

  /** The far side sees the end of its input; what it still sends is delivered. */
  closeWrite(): void {
    this.#connection.closeWrite();
  }

  destroy(): void {
    this.#release();
    this.#connection.destroy();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk;
  }
}
