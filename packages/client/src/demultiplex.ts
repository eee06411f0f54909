import { ProtocolError } from "./errors.ts";

/** 0 stdin (never sent), 1 stdout, 2 stderr, 3 an error of the daemon. */
export interface Frame {
  stream: "stdout" | "stderr" | "error";
  bytes: Uint8Array;
}

/** Comes last in the streams of `execRun` and `containerRun`: JSON. */
const OUTCOME = 4;
const STREAMS = ["stdout", "stdout", "stderr", "error"] as const;

/** Below this many bytes a loop is faster than a call. */
const SHORT = 32;

/**
 * Takes apart the stream of attach, exec and logs: frames of one byte stream number, three zeros, four bytes length
 * (big endian), payload. A frame may come in several pieces, and pieces are passed on as they arrive; frames of one stream that
 * arrive together are one piece. The chunks are changed: payloads are moved together in place.
 * @param onOutcome told what ends the streams of `execRun` and `containerRun`, the only ones that have such an end.
 * @throws ProtocolError for an unknown stream number, or an end within a frame.
 */
export async function* demultiplex(
  chunks: AsyncIterable<Uint8Array>,
  onOutcome?: (outcome: unknown) => void,
): AsyncGenerator<Frame, void, undefined> {
  const header = new Uint8Array(8);
  let have = 0;
  let left = 0;
  let outcome = "";
  for await (const chunk of chunks) {
    // What is to be passed on: bytes from `start` to `end`, of one stream.
    let stream = 0;
    let start = 0;
    let end = 0;
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        while (have < 8 && at < chunk.length) header[have++] = chunk[at++]!;
        if (have < 8) break;
        if (header[0]! > (onOutcome === undefined ? 3 : OUTCOME))
          throw new ProtocolError(`unrecognized input header: ${header[0]}`);
        left = ((header[4]! << 24) | (header[5]! << 16) | (header[6]! << 8) | header[7]!) >>> 0;
        if (left === 0) have = 0;
        continue;
      }
      const count = Math.min(left, chunk.length - at);
      if (header[0] === OUTCOME) {
        outcome += new TextDecoder().decode(chunk.subarray(at, at + count));
        at += count;
        left -= count;
        if (left === 0) have = 0;
        continue;
      }
      if (end > start && stream !== header[0]) {
        yield { stream: STREAMS[stream]!, bytes: chunk.subarray(start, end) };
        start = end;
      }
      if (end === start) {
        stream = header[0]!;
        start = end = at;
      }
      if (end === at) end += count;
      else if (count > SHORT) {
        chunk.copyWithin(end, at, at + count);
        end += count;
      } else for (let from = at; from < at + count; from++) chunk[end++] = chunk[from]!;
      at += count;
      left -= count;
      if (left === 0) have = 0;
    }
    if (end > start) yield { stream: STREAMS[stream]!, bytes: chunk.subarray(start, end) };
  }
  if (have > 0) throw new ProtocolError("unexpected EOF");
  if (outcome !== "") onOutcome?.(JSON.parse(outcome));
}
