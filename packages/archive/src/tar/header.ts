import { decodeName } from "@berth/linux";
import { invalidHeader } from "./failure.ts";
import { BLOCK } from "./limits.ts";
import { parseNumber } from "./numbers.ts";

/** Which fields the last third of a header block has. */
export type HeaderFormat = "v7" | "ustar" | "gnu" | "star";

/** The fields of one 512-byte block, not yet interpreted. `size` counts the bytes that follow for this type flag. */
export interface RawHeader {
  format: HeaderFormat;
  /** The type flag's byte. */
  flag: number;
  name: string;
  linkName: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  uname: string;
  gname: string;
  deviceMajor: number;
  deviceMinor: number;
}

/** Where the fields are: POSIX ustar, GNU tar's tar.h. */
export const FIELD = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  flag: 156,
  linkName: 157,
  magic: 257,
  uname: 265,
  gname: 297,
  deviceMajor: 329,
  deviceMinor: 337,
  prefix: 345,
  gnuSparse: 386,
  gnuIsExtended: 482,
  gnuRealSize: 483,
  starTrailer: 508,
} as const;

/** Sum of all bytes, those of the checksum field taken as spaces. */
export function checksum(block: Uint8Array, at: number): number {
  let sum = 8 * 0x20;
  for (let i = at; i < at + FIELD.checksum; i++) sum += block[i] as number;
  for (let i = at + FIELD.flag; i < at + BLOCK; i++) sum += block[i] as number;
  return sum;
}

/** As `checksum` with signed bytes: some old writers (Sun's) counted so. */
function signedChecksum(block: Uint8Array, at: number): number {
  let sum = 8 * 0x20;
  for (let i = at; i < at + BLOCK; i++) {
    if (i - at >= FIELD.checksum && i - at < FIELD.flag) continue;
    const byte = block[i] as number;
    sum += byte > 127 ? byte - 256 : byte;
  }
  return sum;
}

export function isZeroBlock(block: Uint8Array, at: number): boolean {
  for (let i = at; i < at + BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

/** Several times faster than a TextDecoder; right for ASCII only. */
const asciiSlice = Buffer.prototype.latin1Slice as (this: Uint8Array, from: number, to: number) => string;

function text(block: Uint8Array, at: number, length: number): string {
  let end = at;
  let bits = 0;
  for (; end < at + length && block[end] !== 0; end++) bits |= block[end] as number;
  if (end === at) return "";
  return bits < 0x80 ? asciiSlice.call(block, at, end) : decodeName(block.subarray(at, end));
}

const bytesAt = (block: Uint8Array, at: number, ascii: string): boolean => {
  for (let i = 0; i < ascii.length; i++) if (block[at + i] !== ascii.charCodeAt(i)) return false;
  return true;
};

function formatOf(block: Uint8Array, at: number): HeaderFormat {
  if (bytesAt(block, at + FIELD.magic, "ustar  \0")) return "gnu";
  if (!bytesAt(block, at + FIELD.magic, "ustar\0")) return "v7";
  return bytesAt(block, at + FIELD.starTrailer, "tar\0") ? "star" : "ustar";
}

/**
 * Reads a header block that is not all zeros.
 * @throws system when the checksum or a number is wrong.
 */
export function parseHeader(block: Uint8Array, at: number): RawHeader {
  const expected = parseNumber(block, at + FIELD.checksum, 8, "checksum");
  if (expected !== checksum(block, at) && expected !== signedChecksum(block, at)) {
    throw invalidHeader("the checksum does not match");
  }
  const format = formatOf(block, at);
  let name = text(block, at, 100);
  if (format === "ustar" || format === "star") {
    const prefix = text(block, at + FIELD.prefix, format === "ustar" ? 155 : 131);
    if (prefix !== "") name = `${prefix}/${name}`;
  }
  const size = parseNumber(block, at + FIELD.size, 12, "size");
  if (size < 0) throw invalidHeader("the size is negative");
  const old = format === "v7";
  return {
    format,
    flag: block[at + FIELD.flag] as number,
    name,
    linkName: text(block, at + FIELD.linkName, 100),
    mode: parseNumber(block, at + FIELD.mode, 8, "mode"),
    uid: parseNumber(block, at + FIELD.uid, 8, "uid"),
    gid: parseNumber(block, at + FIELD.gid, 8, "gid"),
    size,
    mtime: parseNumber(block, at + FIELD.mtime, 12, "mtime"),
    uname: old ? "" : text(block, at + FIELD.uname, 32),
    gname: old ? "" : text(block, at + FIELD.gname, 32),
    deviceMajor: old ? 0 : parseNumber(block, at + FIELD.deviceMajor, 8, "devmajor"),
    deviceMinor: old ? 0 : parseNumber(block, at + FIELD.deviceMinor, 8, "devminor"),
  };
}
