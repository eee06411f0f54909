import { isErrno, read, sendfile, WOULD_BLOCK, waitFor, writeAll } from "@berth/linux";
import type { FileRange } from "./pack.ts";

const BUFFER = 1024 * 1024;
const POLLOUT = 4;

/**
 * Writes pieces to a descriptor, file ranges inside the kernel where nobody needs to see the bytes.
 * @param watch sees all bytes that are written (to make a digest of them).
 * @returns what the generator returned
 */
export function sendPieces<T>(
  pieces: Generator<Uint8Array | FileRange, T, number>,
  to: number,
  watch?: (bytes: Uint8Array) => void,
): T {
  let buffer: Uint8Array | undefined;
  let sent = 0;
  for (;;) {
    const next = pieces.next(sent);
    if (next.done) return next.value;
    const piece = next.value;
    if (piece instanceof Uint8Array) {
      watch?.(piece);
      writeAll(to, piece);
    } else if (watch === undefined) {
      sent = sendRange(piece, to);
    } else {
      buffer ??= new Uint8Array(BUFFER);
      sent = 0;
      for (const bytes of readRange(piece, buffer)) {
        watch(bytes);
        writeAll(to, bytes);
        sent += bytes.length;
      }
    }
  }
}

/** The same pieces with all file ranges read; each is valid until the next one is asked for. */
export function* readPieces<T>(
  pieces: Generator<Uint8Array | FileRange, T, number>,
): Generator<Uint8Array, T, void> {
  const buffer = new Uint8Array(BUFFER);
  let sent = 0;
  for (;;) {
    const next = pieces.next(sent);
    if (next.done) return next.value;
    if (next.value instanceof Uint8Array) {
      yield next.value;
      continue;
    }
    sent = 0;
    for (const bytes of readRange(next.value, buffer)) {
      yield bytes;
      sent += bytes.length;
    }
  }
}

function* readRange(range: FileRange, buffer: Uint8Array): Generator<Uint8Array, void, void> {
  for (let left = range.length; left > 0; ) {
    const count = read(range.fd, buffer, 0, Math.min(left, buffer.length));
    if (count <= 0) return;
    yield buffer.subarray(0, count);
    left -= count;
  }
}

/** Bytes that went; fewer than asked for when the file ended. */
function sendRange(range: FileRange, to: number): number {
  let sent = 0;
  try {
    while (sent < range.length) {
      const count = sendfile(to, range.fd, range.length - sent);
      if (count === WOULD_BLOCK) waitFor(to, POLLOUT, -1);
      else if (count === 0) return sent;
      else sent += count;
    }
    return sent;
  } catch (error) {
    // The receiver or the file system cannot: the bytes have to come through here.
    if (sent > 0 || !isErrno(error, "EINVAL", "ENOSYS", "EOPNOTSUPP")) throw error;
  }
  const buffer = new Uint8Array(BUFFER);
  for (const bytes of readRange(range, buffer)) {
    writeAll(to, bytes);
    sent += bytes.length;
  }
  return sent;
}
