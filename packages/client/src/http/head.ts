import { ProtocolError } from "../errors.ts";

/** Status line and headers of an answer. Names are in lower case; of repeated headers the values are joined with `, `. */
export interface ResponseHead {
  status: number;
  reason: string;
  headers: Map<string, string>;
  /** HTTP/1.0: the connection ends after the answer. */
  minorVersion: number;
}

export const MOST_HEAD_BYTES = 64 * 1024;
const MOST_HEADERS = 200;

/** The index after the blank line, or -1. `from`: where an earlier search ended. */
export function endOfHead(bytes: Uint8Array, from = 0): number {
  for (let at = Math.max(0, from - 3); ; at++) {
    at = bytes.indexOf(10, at);
    if (at < 0) return -1;
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
}

/**
 * Written for a first call in a fresh process, where each regular expression costs as much as the rest; so does a loop that takes
 * more than 500 turns, which is worth compiling.
 * @throws ProtocolError when the bytes (up to and with the blank line) are not an HTTP/1 answer's head (RFC 9112).
 */
export function parseHead(bytes: Uint8Array): ResponseHead {
  const lines = new TextDecoder().decode(bytes).split("\n");
  const first = withoutReturn(lines[0] ?? "");
  const status = Number(first.slice(9, 12));
  if (
    !(first.startsWith("HTTP/1.1 ") || first.startsWith("HTTP/1.0 ")) ||
    !isDigits(first.slice(9, 12), 3) ||
    (first.length > 12 && first[12] !== " ") ||
    hasControl(first)
  ) {
    throw new ProtocolError(`malformed HTTP response ${JSON.stringify(first.slice(0, 60))}`);
  }
  if (lines.length > MOST_HEADERS + 3) throw new ProtocolError("too many headers in the response");
  const headers = new Map<string, string>();
  for (let at = 1; at < lines.length; at++) {
    const line = withoutReturn(lines[at]!);
    if (line === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!isToken(name) || hasControl(line)) {
      throw new ProtocolError(`malformed header ${JSON.stringify(line.slice(0, 60))} in the response`);
    }
    const key = name.toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { status, reason: first.slice(13), headers, minorVersion: first[7] === "1" ? 1 : 0 };
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

export function isDigits(text: string, length: number): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** A header's name: letters, digits and these. */
const TOKEN_MARKS = "!#$%&'*+-.^_`|~";

function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const letter = (code | 32) >= 97 && (code | 32) <= 122;
    if (!letter && !(code >= 48 && code <= 57) && !TOKEN_MARKS.includes(text[at]!)) return false;
  }
  return text !== "";
}

/** Whether there is a control character other than a tab. */
function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}
