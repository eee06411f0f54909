import { RegistryError } from "../errors.ts";

/** The whole body of a request. @throws SIZE_INVALID (413) above `maximum` bytes. */
export async function readBody(request: Request, maximum: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new RegistryError("SIZE_INVALID", { status: 413, message: `content is larger than ${maximum} bytes` });
  const declared = contentLength(request);
  if (declared !== undefined && declared > maximum) throw tooLarge();
  // Its size is known, so it can be taken in one piece.
  if (declared !== undefined) return new Uint8Array(await request.arrayBuffer());
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyOf(request)) {
    size += piece.byteLength;
    if (size > maximum) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

export function contentLength(request: Request): number | undefined {
  const text = request.headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

export function bodyOf(request: Request): AsyncIterable<Uint8Array> {
  return (request.body as ReadableStream<Uint8Array> | null) ?? nothing();
}
