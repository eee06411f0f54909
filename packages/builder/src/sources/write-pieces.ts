import { open } from "node:fs/promises";

/**
 * Writes a new file, or over an old one, piece by piece. A piece may be valid until the next one only.
 * @returns its size. @throws what the disk or the pieces say; what is written until then stays
 */
export async function writePieces(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  mode: number,
  signal: AbortSignal,
): Promise<number> {
  await using file = await open(path, "w", mode);
  let size = 0;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await file.write(piece, at, piece.length - at);
      at += bytesWritten;
    }
    size += piece.length;
  }
  return size;
}
