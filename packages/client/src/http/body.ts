import { ProtocolError } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import { isDigits, type ResponseHead } from "./head.ts";

/** Cuts one answer's body out of a connection's bytes. `complete`: the connection may carry another request. */
export interface BodyReader {
  next(): Promise<Uint8Array | undefined>;
  readonly complete: boolean;
}

/** Which framing an answer has (RFC 9112, section 6.3). @throws ProtocolError when its headers contradict each other. */
export function bodyReader(method: string, head: ResponseHead, connection: Connection): BodyReader {
  const { status, headers } = head;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304)
    return new LengthBody(connection, 0);
  const encoding = headers.get("transfer-encoding");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") {
      throw new ProtocolError(`unsupported transfer encoding ${JSON.stringify(encoding.slice(0, 60))}`);
    }
    return new ChunkedBody(connection);
  }
  const length = headers.get("content-length");
  if (length === undefined) return new UntilCloseBody(connection);
  // The same value may have been sent more than once.
  const [only = "", ...others] = length.split(", ");
  if (others.some((other) => other !== only) || only.length > 15 || !isDigits(only, only.length || 1)) {
    throw new ProtocolError(`malformed content length ${JSON.stringify(length.slice(0, 60))}`);
  }
  return new LengthBody(connection, Number(only));
}

class LengthBody implements BodyReader {
  #left: number;
  readonly #connection: Connection;

  constructor(connection: Connection, length: number) {
    this.#connection = connection;
    this.#left = length;
  }

  get complete(): boolean {
    return this.#left === 0;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#left === 0) return undefined;
    const chunk = await this.#connection.read();
    if (chunk === undefined) throw new ProtocolError("unexpected EOF");
    if (chunk.length <= this.#left) {
      this.#left -= chunk.length;
      return chunk;
    }
    const mine = chunk.subarray(0, this.#left);
    this.#connection.unread(chunk.subarray(this.#left));
    this.#left = 0;
    return mine;
  }
}

class UntilCloseBody implements BodyReader {
  readonly complete = false;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#connection.read();
  }
}

const MOST_LINE_BYTES = 4096;
const MOST_TRAILER_BYTES = 16 * 1024;

class ChunkedBody implements BodyReader {
  complete = false;
  #left = 0;
  #first = true;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.complete) return undefined;
    if (this.#left === 0) {
      if (!this.#first && (await this.#line()) !== "") throw new ProtocolError("malformed chunked encoding");
      this.#first = false;
      this.#left = chunkSize(await this.#line());
      if (this.#left === 0) {
        let trailers = 0;
        for (let line = await this.#line(); line !== ""; line = await this.#line()) {
          trailers += line.length;
          if (trailers > MOST_TRAILER_BYTES) throw new ProtocolError("too long trailers in the response");
        }
        this.complete = true;
        return undefined;
      }
    }
    const chunk = await this.#connection.read();
    if (chunk === undefined) throw new ProtocolError("unexpected EOF");
    if (chunk.length <= this.#left) {
      this.#left -= chunk.length;
      return chunk;
    }
    const mine = chunk.subarray(0, this.#left);
    this.#connection.unread(chunk.subarray(this.#left));
    this.#left = 0;
    return mine;
  }

  /** One line, without its end. */
  async #line(): Promise<string> {
    let text = "";
    for (;;) {
      const chunk = await this.#connection.read();
      if (chunk === undefined) throw new ProtocolError("unexpected EOF");
      const end = chunk.indexOf(10);
      const part = end < 0 ? chunk : chunk.subarray(0, end);
      if (text.length + part.length > MOST_LINE_BYTES) throw new ProtocolError("malformed chunked encoding");
      for (const byte of part) text += String.fromCharCode(byte);
      if (end >= 0) {
        this.#connection.unread(chunk.subarray(end + 1));
        return text.endsWith("\r") ? text.slice(0, -1) : text;
      }
    }
  }
}

/** Hexadecimal digits; extensions behind a semicolon are passed over. */
function chunkSize(line: string): number {
  const end = line.indexOf(";");
  const digits = (end < 0 ? line : line.slice(0, end)).trimEnd();
  let size = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = HEX.indexOf(digits[at]!.toLowerCase());
    if (digit < 0) throw new ProtocolError("malformed chunked encoding");
    size = size * 16 + digit;
  }
  if (digits === "" || digits.length > 12) throw new ProtocolError("malformed chunked encoding");
  return size;
}

const HEX = "0123456789abcdef";
