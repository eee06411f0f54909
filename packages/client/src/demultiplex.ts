import { ProtocolError } from "./errors.ts";

/** 0 stdin (never sent), 1 stdout, 2 stderr, 3 an error of the daemon. */
export interface Frame {
  stream: "stdout" | "stderr" | "error";
  bytes: Uint8Array;
}

const STREAMS = ["stdout", "stdout", "stderr", "error"] as const;

/**
 * Takes apart the stream of attach, exec and logs: frames of one byte stream number, three zeros, four bytes length
 * (big endian), payload. A frame may come in several pieces; pieces are passed on as they arrive.
 * @throws ProtocolError for an unknown stream number, or an end within a frame.
 */
export async function* demultiplex(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Frame, void, undefined> {
  const header = new Uint8Array(8);
  let have = 0;
  let left = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const take = Math.min(8 - have, chunk.length - at);
        header.set(chunk.subarray(at, at + take), have);
        have += take;
        at += take;
        if (have < 8) break;
        if (header[0]! > 3) throw new ProtocolError(`unrecognized input header: ${header[0]}`);
        left = ((header[4]! << 24) | (header[5]! << 16) | (header[6]! << 8) | header[7]!) >>> 0;
        if (left === 0) have = 0;
        continue;
      }
      const bytes = chunk.subarray(at, at + left);
      at += bytes.length;
      left -= bytes.length;
      if (left === 0) have = 0;
      yield { stream: STREAMS[header[0]!]!, bytes };
    }
  }
  if (have > 0) throw new ProtocolError("unexpected EOF");
}
