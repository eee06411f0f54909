import { ProtocolError } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import { endOfHead, MOST_HEAD_BYTES, parseHead, type ResponseHead } from "./head.ts";

export type RequestBody = Uint8Array | AsyncIterable<Uint8Array>;

export interface RequestMessage {
  method: string;
  /** With query, already escaped. */
  target: string;
  headers: Record<string, string>;
  body?: RequestBody;
}

const encoder = new TextEncoder();
/** What no header may have in it. Looked for without an expression and without a loop of our own: see head.ts. */
const BREAKS = ["\r", "\n", "\0"];

/**
 * Sends one request and reads the head of its answer. A streamed body goes on being sent while the answer is awaited,
 * because a daemon refuses before it has read everything.
 * @returns `sent` settles when the request was written; until then the connection cannot be used again.
 */
export async function exchange(
  connection: Connection,
  request: RequestMessage,
): Promise<{ head: ResponseHead; sent: () => boolean }> {
  const { body } = request;
  let done = false;
  let failure: unknown;
  if (body === undefined || body instanceof Uint8Array) {
    const head = encoder.encode(headText(request, body === undefined ? undefined : body.length));
    await connection.write(body === undefined ? head : concat(head, body)).catch((error: unknown) => {
      // The daemon may have answered before it closed; the answer says more.
      failure = error;
    });
    done = true;
  } else {
    await connection.write(encoder.encode(headText(request, "chunked")));
    sendChunked(connection, body).then(
      () => {
        done = true;
      },
      (error: unknown) => {
        failure = error;
        connection.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
  try {
    return { head: await readFinalHead(connection), sent: () => done };
  } catch (error) {
    throw failure ?? error;
  }
}

async function readFinalHead(connection: Connection): Promise<ResponseHead> {
  for (let informational = 0; informational < 10; informational++) {
    const head = await readHead(connection);
    if (head.status >= 200 || head.status === 101) return head;
  }
  throw new ProtocolError("too many informational responses");
}

/** Reads status line and headers; what follows stays in the connection. */
export async function readHead(connection: Connection): Promise<ResponseHead> {
  let bytes: Uint8Array | undefined;
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) {
      throw new ProtocolError(bytes === undefined ? "EOF" : "unexpected EOF");
    }
    const searched = bytes?.length ?? 0;
    bytes = bytes === undefined ? chunk : concat(bytes, chunk);
    const end = endOfHead(bytes, searched);
    if (end > MOST_HEAD_BYTES || (end < 0 && bytes.length > MOST_HEAD_BYTES)) {
      throw new ProtocolError("too long head of the response");
    }
    if (end >= 0) {
      connection.unread(bytes.subarray(end));
      return parseHead(bytes.subarray(0, end));
    }
  }
}

async function sendChunked(connection: Connection, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    await connection.write(encoder.encode(`${chunk.length.toString(16)}\r\n`));
    await connection.write(chunk);
    await connection.write(encoder.encode("\r\n"));
  }
  await connection.write(encoder.encode("0\r\n\r\n"));
}

function headText(request: RequestMessage, length: number | "chunked" | undefined): string {
  let text = `${request.method} ${request.target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(request.headers)) {
    const line = name + value;
    if (BREAKS.some((each) => line.includes(each)))
      throw new ProtocolError(`invalid value of header ${JSON.stringify(name)}`);
    text += `${name}: ${value}\r\n`;
  }
  if (length === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (length !== undefined || request.method === "POST" || request.method === "PUT") {
    text += `Content-Length: ${length ?? 0}\r\n`;
  }
  return text + "\r\n";
}

export function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (second.length === 0) return first;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
