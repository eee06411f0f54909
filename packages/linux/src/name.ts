/**
 * A path or name. Linux' names are bytes: those that are not UTF-8 are kept in strings with each stray byte `0x80..0xff` as
 * the lone surrogate `U+DC80..U+DCFF` (as Python does), so that they come back as they were. Bytes may be given directly.
 */
export type Path = string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of a name as `decodeName` made it. */
export function encodeName(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name);
  const result = new Uint8Array(name.length * 3);
  return result.slice(0, writeSurrogates(name, result, 0, result.length));
}

/** The text of a name of any bytes; never fails, and `encodeName` gives the same bytes back. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return decodeStray(bytes);
  }
}

/** Writes the bytes of `path` at `at`, at most `limit`; how many, or -1 when they do not fit. */
export function writeName(path: Path, target: Uint8Array, at: number, limit: number): number {
  if (typeof path !== "string") {
    if (path.length > limit) return -1;
    target.set(path, at);
    return path.length;
  }
  if (path.length > limit) return -1;
  if (!path.isWellFormed()) return writeSurrogates(path, target, at, limit);
  const { read, written } = encoder.encodeInto(path, target.subarray(at, at + limit));
  return read === path.length ? written : -1;
}

function writeSurrogates(name: string, target: Uint8Array, at: number, limit: number): number {
  let end = at;
  for (const character of name) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) {
      if (end - at + 1 > limit) return -1;
      target[end++] = code - 0xdc00;
    } else {
      const encoded = encoder.encode(character);
      if (end - at + encoded.length > limit) return -1;
      target.set(encoded, end);
      end += encoded.length;
    }
  }
  return end - at;
}

function decodeStray(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    try {
      if (length === 0 || at + length > bytes.length) throw undefined;
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + first);
      at++;
    }
  }
  return text;
}

/** For messages. */
export function nameForPeople(path: Path): string {
  return typeof path === "string" ? path : decodeName(path);
}
