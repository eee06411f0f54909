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

/** @throws ProtocolError when the bytes (up to and with the blank line) are not an HTTP/1 answer's head (RFC 9112). */
export function parseHead(bytes: Uint8Array): ResponseHead {
  const lines = latin1(bytes).split(/\r?\n/);
  const status = /^HTTP\/1\.([01]) (\d{3})(?: ([^\r\0]*))?$/.exec(lines[0] ?? "");
  if (status === null) {
    throw new ProtocolError(`malformed HTTP response ${JSON.stringify((lines[0] ?? "").slice(0, 60))}`);
  }
  const headers = new Map<string, string>();
  if (lines.length > MOST_HEADERS + 3) throw new ProtocolError("too many headers in the response");
  for (const line of lines.slice(1)) {
    if (line === "") continue;
    const header = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (header === null || header[2]!.includes("\0")) {
      throw new ProtocolError(`malformed header ${JSON.stringify(line.slice(0, 60))} in the response`);
    }
    const name = header[1]!.toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? header[2]! : `${before}, ${header[2]!}`);
  }
  return { status: Number(status[2]), reason: status[3] ?? "", headers, minorVersion: Number(status[1]) };
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}
