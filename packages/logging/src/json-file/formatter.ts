/**
 * Records of a json-file log → what `GET /containers/{id}/logs` sends. The inverse of `JsonLogEncoder`.
 *
 * The common record (no attributes, no escape but the final `\n`) is copied without being parsed as JSON: a million lines
 * take a fraction of a second. Everything else goes through `JSON.parse`. A record that is no JSON is left out: a power
 * loss may have cut one.
 */

export interface LogFormat {
  stdout: boolean;
  stderr: boolean;
  /** Docker's 8-byte frame header before each record; not for a container with a terminal. */
  multiplexed: boolean;
  /** RFC 3339 with nine digits, then a space. */
  timestamps: boolean;
  /** Attributes as `key=value,key=value `. */
  details: boolean;
  /** Nanoseconds since 1970. Records before are left out. */
  since?: bigint;
  /** Nanoseconds since 1970. The first record after ends the reading. */
  until?: bigint;
}

const HEAD = Buffer.from('{"log":"');
const STREAM = Buffer.from('","stream":"std');
const TIME = Buffer.from('","time":"');
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const STDOUT = 1;
const STDERR = 2;
/** Length of `2006-01-02T15:04:05.000000000Z`. */
const STAMP = 30;
const OUTPUT = 128 * 1024;
/** Longest record that is kept whole while its end has not been seen. */
const LINE_LIMIT = 4 * 1024 * 1024;

export class LogFormatter {
  readonly #format: LogFormat;
  readonly #since: string | undefined;
  readonly #until: string | undefined;
  #output: Buffer = Buffer.allocUnsafe(OUTPUT);
  #length = 0;
  #partial: Buffer | undefined;
  #skip = 0;
  /** True once a record after `until` was seen: nothing more will come out. */
  finished = false;
  /** Time of the last record that was read, with nine digits; empty before the first. */
  lastTime = "";

  constructor(format: LogFormat) {
    this.#format = format;
    this.#since = format.since === undefined ? undefined : fixedStamp(format.since);
    this.#until = format.until === undefined ? undefined : fixedStamp(format.until);
  }

  /** Leaves out the next `count` records. */
  skip(count: number): void {
    this.#skip = count;
  }

  /** A new file begins: a cut record at the end of the file before is dropped. */
  startFile(): void {
    this.#partial = undefined;
  }

  /** Takes the next bytes of a file; they are not kept. */
  push(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#partial !== undefined) {
      const end = bytes.indexOf(NEWLINE);
      const joined = Buffer.concat([this.#partial, end < 0 ? bytes : bytes.subarray(0, end + 1)]);
      if (end < 0) {
        this.#partial = joined.length > LINE_LIMIT ? Buffer.alloc(0) : joined;
        return;
      }
      this.#partial = undefined;
      this.#lines(joined);
      bytes = bytes.subarray(end + 1);
    }
    const rest = this.#lines(bytes);
    if (rest < bytes.length && !this.finished) this.#partial = Buffer.from(bytes.subarray(rest));
  }

  /** What has been formatted since the last call; undefined when nothing was. */
  take(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const taken = this.#output.subarray(0, this.#length);
    this.#output = Buffer.allocUnsafe(OUTPUT);
    this.#length = 0;
    return taken;
  }

  /** @returns where the first unfinished record begins. */
  #lines(bytes: Buffer): number {
    let start = 0;
    while (!this.finished) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      if (this.#skip > 0) this.#skip--;
      else if (end > start) this.#record(bytes, start, end);
      start = end + 1;
    }
    return start;
  }

  #record(bytes: Buffer, start: number, end: number): void {
    // {"log":"TEXT","stream":"stdout","time":"2006-01-02T15:04:05.999999999Z"}
    const timeEnd = end - 2;
    const timeStart = bytes.lastIndexOf(TIME, timeEnd) + TIME.length;
    const streamAt = timeStart - TIME.length - (STREAM.length + 3);
    const textStart = start + HEAD.length;
    if (
      streamAt < textStart ||
      timeEnd - timeStart > STAMP ||
      bytes[timeEnd] !== 0x22 ||
      bytes[timeEnd - 1] !== 0x5a ||
      !matches(bytes, start, HEAD) ||
      !matches(bytes, streamAt, STREAM)
    ) {
      this.#slow(bytes, start, end);
      return;
    }
    const stream = bytes[streamAt + STREAM.length] === 0x6f ? STDOUT : STDERR;
    let textEnd = streamAt;
    let newline = false;
    if (bytes[textEnd - 1] === 0x6e && bytes[textEnd - 2] === BACKSLASH && textEnd - 2 >= textStart) {
      textEnd -= 2;
      newline = true;
    }
    const escaped = bytes.indexOf(BACKSLASH, textStart);
    if (escaped >= 0 && escaped < textEnd) {
      this.#slow(bytes, start, end);
      return;
    }
    if (!this.#admit(bytes.toString("latin1", timeStart, timeEnd), stream)) return;
    const size = textEnd - textStart + (newline ? 1 : 0);
    this.#begin(stream, size, "");
    const output = this.#output;
    let length = this.#length;
    if (textEnd - textStart < 48) for (let at = textStart; at < textEnd; at++) output[length++] = bytes[at]!;
    else {
      bytes.copy(output, length, textStart, textEnd);
      length += textEnd - textStart;
    }
    if (newline) output[length++] = NEWLINE;
    this.#length = length;
  }

  #slow(bytes: Buffer, start: number, end: number): void {
    let record: { log?: unknown; stream?: unknown; time?: unknown; attrs?: unknown };
    try {
      record = JSON.parse(bytes.toString("utf8", start, end));
    } catch {
      return;
    }
    if (typeof record !== "object" || record === null || typeof record.log !== "string") return;
    const stream = record.stream === "stderr" ? STDERR : STDOUT;
    if (!this.#admit(typeof record.time === "string" ? record.time : "", stream)) return;
    const text = Buffer.from(record.log);
    this.#begin(stream, text.length, this.#format.details ? formatAttributes(record.attrs) : "");
    text.copy(this.#output, this.#length);
    this.#length += text.length;
  }

  #admit(time: string, stream: number): boolean {
    const format = this.#format;
    if (this.#since !== undefined || this.#until !== undefined || format.timestamps) {
      const stamp = normalStamp(time);
      this.lastTime = stamp;
      if (this.#since !== undefined && stamp < this.#since) return false;
      if (this.#until !== undefined && stamp > this.#until) {
        this.finished = true;
        return false;
      }
    } else this.lastTime = time;
    return stream === STDOUT ? format.stdout : format.stderr;
  }

  /** Writes the frame's header and what stands before the text, and makes room for the text. */
  #begin(stream: number, size: number, details: string): void {
    const format = this.#format;
    // Docker writes a space for details even when there are none.
    const before = (format.timestamps ? `${this.lastTime} ` : "") + (format.details ? `${details} ` : "");
    const total = Buffer.byteLength(before) + size;
    this.#reserve(total + 8);
    if (format.multiplexed) {
      const output = this.#output;
      const at = this.#length;
      output[at] = stream;
      output[at + 1] = 0;
      output[at + 2] = 0;
      output[at + 3] = 0;
      output[at + 4] = total >>> 24;
      output[at + 5] = (total >>> 16) & 255;
      output[at + 6] = (total >>> 8) & 255;
      output[at + 7] = total & 255;
      this.#length = at + 8;
    }
    if (before !== "") this.#length += this.#output.write(before, this.#length);
  }

  #reserve(size: number): void {
    if (this.#output.length - this.#length >= size) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#output.length * 2, this.#length + size));
    this.#output.copy(larger, 0, 0, this.#length);
    this.#output = larger;
  }
}

function matches(bytes: Uint8Array, at: number, pattern: Uint8Array): boolean {
  for (let i = 0; i < pattern.length; i++) if (bytes[at + i] !== pattern[i]) return false;
  return true;
}

/** `2006-01-02T15:04:05.000000000Z`: nine digits, so that stamps compare as text. */
export function fixedStamp(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = nanoseconds % 1_000_000_000n;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${rest.toString().padStart(9, "0")}Z`;
}

/** A record's time with nine digits, in UTC. */
export function normalStamp(time: string): string {
  if (time.length === STAMP) return time;
  if (time.endsWith("Z")) {
    const body = time.slice(0, -1);
    return body.length === 19 ? `${body}.000000000Z` : `${body.padEnd(STAMP - 1, "0").slice(0, STAMP - 1)}Z`;
  }
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? "0001-01-01T00:00:00.000000000Z" : fixedStamp(BigInt(parsed) * 1_000_000n);
}

/** Go's url.QueryEscape of `key=value`, sorted by key, joined by commas: what Docker prints for `--details`. */
function formatAttributes(attributes: unknown): string {
  if (typeof attributes !== "object" || attributes === null) return "";
  const queryEscape = (text: string) =>
    encodeURIComponent(text)
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+");
  return Object.entries(attributes as Record<string, unknown>)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${queryEscape(key)}=${queryEscape(String(value))}`)
    .join(",");
}
