import type { IncomingMessage } from "node:http";
import { type Decoder, decodeBody } from "@berth/api";
import { invalidParameter, tooLarge } from "@berth/base";

/** JSON bodies above this are refused; Docker's largest real ones (many mounts, long environments) stay far below. */
export const JSON_LIMIT = 4 << 20;
/** A JSON body must arrive within this time. */
const JSON_DEADLINE_MS = 60_000;

/** True when the request announces a body that is not empty. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

export interface JsonBodyOptions {
  /** An empty body is an error: `invalid JSON: got EOF while reading request body`. */
  required?: boolean;
  /** What a body of `null` is answered; absent: it is taken for an empty object. */
  nullMessage?: string;
  /** Bytes. */
  limit?: number;
}

/** Reads and decodes a JSON body. @throws invalid-parameter, too-large. */
export async function readJson<T>(
  request: IncomingMessage,
  decoder: Decoder<T>,
  options: JsonBodyOptions = {},
): Promise<T> {
  if (hasBody(request)) checkJsonType(request.headers["content-type"]);
  const text = await readText(request, options.limit ?? JSON_LIMIT);
  if (options.required === true && text.trim() === "") {
    throw invalidParameter("invalid JSON: got EOF while reading request body");
  }
  if (options.nullMessage !== undefined && text.trim() === "null")
    throw invalidParameter(options.nullMessage);
  return decodeBody(text, decoder);
}

/** @throws invalid-parameter unless the type is `application/json`, with parameters or without. */
function checkJsonType(type: string | undefined): void {
  if (type === undefined || type.trim() === "") {
    throw invalidParameter("malformed Content-Type header (): mime: no media type");
  }
  const media = (type.split(";")[0] as string).trim().toLowerCase();
  if (media !== "application/json") {
    throw invalidParameter(
      `unsupported Content-Type header (${type.slice(0, 200)}): must be 'application/json'`,
    );
  }
}

async function readText(request: IncomingMessage, limit: number): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > limit) throw bodyTooLarge();
  if (!hasBody(request)) return "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => reject(invalidParameter("timeout reading request body")), JSON_DEADLINE_MS);
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else {
      request.pause();
      reject(bodyTooLarge());
    }
  });
  request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  const broken = () => reject(invalidParameter("unexpected EOF"));
  request.on("error", broken);
  request.on("aborted", broken);
  request.on("close", broken);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

const bodyTooLarge = () => tooLarge("http: request body too large");

/**
 * A request's body as a stream with back-pressure. A client that goes away before the body's end makes it fail with
 * `unexpected EOF`: half an archive is never taken for a whole one.
 */
export function bodyStream(request: IncomingMessage): ReadableStream<Uint8Array> {
  const iterator = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const failure = () => invalidParameter("unexpected EOF");
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let step: IteratorResult<Buffer>;
        try {
          step = await iterator.next();
        } catch (error) {
          throw request.complete ? error : failure();
        }
        if (step.done !== true) controller.enqueue(step.value);
        else if (request.complete) controller.close();
        else throw failure();
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
