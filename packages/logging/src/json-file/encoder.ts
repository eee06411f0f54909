import { invalidParameter } from "@berth/base";

/**
 * Bytes of a container's output → lines of Docker's json-file log:
 * `{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"}`.
 *
 * Runs in the shim for every byte a container prints, so it writes into one reused buffer and allocates nothing per line.
 * Escapes are those of Go's encoding/json (`<`, `>`, `&`, U+2028 and U+2029 included; bytes that are not UTF-8 become U+FFFD),
 * because readers of these files were written against it. A line longer than `PARTIAL_LIMIT` is split, without a newline at the
 * end of the first parts, as Docker does.
 */

/** Longest text of one record, in bytes before escaping. */
export const PARTIAL_LIMIT = 16 * 1024;
/** A record at its worst: every byte becomes six, plus the frame. */
const RECORD_LIMIT = PARTIAL_LIMIT * 6 + 512;

const HEX = "0123456789abcdef";
const bytes = (text: string) => new TextEncoder().encode(text);

/** For every byte: 0 copied as it is, 1 escaped, 2 start of a multi-byte sequence or not UTF-8. */
const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) CLASS[byte] = byte < 0x20 ? 1 : byte >= 0x80 ? 2 : 0;
for (const special of '"\\<>&') CLASS[special.charCodeAt(0)] = 1;

const ESCAPE: Uint8Array[] = [];
for (let byte = 0; byte < 0x80; byte++) {
  ESCAPE[byte] = bytes(`\\u00${HEX[byte >> 4]}${HEX[byte & 15]}`);
}
ESCAPE[0x22] = bytes('\\"');
ESCAPE[0x5c] = bytes("\\\\");
ESCAPE[0x0a] = bytes("\\n");
ESCAPE[0x0d] = bytes("\\r");
ESCAPE[0x09] = bytes("\\t");
const REPLACEMENT = bytes("\\ufffd");
const LINE_SEPARATOR = bytes("\\u2028");
const PARAGRAPH_SEPARATOR = bytes("\\u2029");
const HEAD = bytes('{"log":"');
const NEWLINE = bytes("\\n");

export type StreamName = "stdout" | "stderr";

/** Encoders drain at the end of each call, so that all of a process can share one buffer. */
let shared: Uint8Array | undefined;
function sharedBuffer(): Uint8Array {
  shared ??= new Uint8Array(3 * RECORD_LIMIT);
  return shared;
}

/** Receives encoded records: `buffer[0..length)`, valid only during the call; always whole records. */
export type RecordSink = (buffer: Uint8Array, length: number) => void;

/** One output stream of a container. Chunks go in as they were read, whole records come out. */
export class JsonLogEncoder {
  readonly #tail: Uint8Array;
  readonly #attributes: Uint8Array;
  readonly #sink: RecordSink;
  readonly #out = sharedBuffer();
  #length = 0;
  /** Bytes of a line whose end has not been seen. Allocated at first need: most containers print whole lines. */
  #pending: Uint8Array | undefined;
  #pendingLength = 0;

  /** `attributes`: labels and environment that the log options ask for; written in each record as `attrs`. */
  constructor(stream: StreamName, sink: RecordSink, attributes: Record<string, string> = {}) {
    this.#tail = bytes(`","stream":"${stream}"`);
    this.#attributes =
      Object.keys(attributes).length === 0
        ? new Uint8Array(0)
        : bytes(`,"attrs":${JSON.stringify(attributes)}`);
    this.#sink = sink;
    if (this.#attributes.length > 64 * 1024) throw invalidParameter("log attributes are larger than 64 KiB");
  }

  /** `time`: RFC 3339 with nanoseconds, the moment when the chunk was read. All whole records are in the sink when it returns. */
  write(chunk: Uint8Array, length: number, time: string): void {
    const ending = this.#ending(time);
    let start = 0;
    for (let at = 0; at < length; at++) {
      if (this.#pendingLength + (at - start) === PARTIAL_LIMIT) {
        this.#record(chunk, start, at, false, ending);
        start = at;
      }
      if (chunk[at] === 0x0a) {
        this.#record(chunk, start, at, true, ending);
        start = at + 1;
      }
    }
    if (start < length) this.#keep(chunk, start, length);
    this.#drain();
  }

  /** The stream ended: what is left without a newline becomes a last record. */
  end(time: string): void {
    if (this.#pendingLength > 0) this.#record(this.#out, 0, 0, false, this.#ending(time));
    this.#drain();
  }

  #ending(time: string): Uint8Array {
    const stamp = bytes(`,"time":"${time}"}\n`);
    const ending = new Uint8Array(this.#tail.length + this.#attributes.length + stamp.length);
    ending.set(this.#tail);
    ending.set(this.#attributes, this.#tail.length);
    ending.set(stamp, this.#tail.length + this.#attributes.length);
    return ending;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    this.#pending ??= new Uint8Array(PARTIAL_LIMIT);
    for (let at = from; at < to; at++) this.#pending[this.#pendingLength++] = chunk[at]!;
  }

  #record(chunk: Uint8Array, from: number, to: number, newline: boolean, ending: Uint8Array): void {
    if (this.#out.length - this.#length < RECORD_LIMIT + ending.length) this.#drain();
    this.#append(HEAD);
    if (this.#pendingLength > 0) {
      this.#keep(chunk, from, to);
      this.#escape(this.#pending!, 0, this.#pendingLength);
      this.#pendingLength = 0;
    } else {
      this.#escape(chunk, from, to);
    }
    if (newline) this.#append(NEWLINE);
    this.#append(ending);
  }

  #append(part: Uint8Array): void {
    const out = this.#out;
    let length = this.#length;
    for (let at = 0; at < part.length; at++) out[length++] = part[at]!;
    this.#length = length;
  }

  #escape(source: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    let length = this.#length;
    for (let at = from; at < to; ) {
      const byte = source[at]!;
      const kind = CLASS[byte]!;
      if (kind === 0) {
        out[length++] = byte;
        at++;
        continue;
      }
      let replacement: Uint8Array | undefined;
      let size = 1;
      if (kind === 1) replacement = ESCAPE[byte]!;
      else {
        size = sequenceLength(source, at, to);
        if (size === 0) {
          replacement = REPLACEMENT;
          size = 1;
        } else if (byte === 0xe2 && source[at + 1] === 0x80 && (source[at + 2]! & 0xfe) === 0xa8) {
          replacement = source[at + 2] === 0xa8 ? LINE_SEPARATOR : PARAGRAPH_SEPARATOR;
        }
      }
      if (replacement) for (let i = 0; i < replacement.length; i++) out[length++] = replacement[i]!;
      else for (let i = 0; i < size; i++) out[length++] = source[at + i]!;
      at += size;
    }
    this.#length = length;
  }

  #drain(): void {
    if (this.#length === 0) return;
    const length = this.#length;
    this.#length = 0;
    this.#sink(this.#out, length);
  }
}

/** Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or 0. */
function sequenceLength(source: Uint8Array, at: number, end: number): number {
  const first = source[at]!;
  const size =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0;
  if (size === 0 || at + size > end) return 0;
  const second = source[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < size; i++) if ((source[at + i]! & 0xc0) !== 0x80) return 0;
  return size;
}
