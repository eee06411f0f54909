import { decodeName, encodeName } from "@berth/linux";
import { invalidHeader } from "./failure.ts";
import { MAX_PAX_RECORDS, MAX_XATTR_NAME, MAX_XATTR_VALUE } from "./limits.ts";

const XATTR_PREFIX = "SCHILY.xattr.";
const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** The records of one PAX header, or of several merged: what they say about the member that follows. */
export interface PaxRecords {
  /** All records but attributes and sparse runs. An empty text takes back what an earlier header said. */
  values: Map<string, string>;
  xattrs: Map<string, Uint8Array>;
  /** `GNU.sparse.offset` and `GNU.sparse.numbytes` in turn (sparse format 0.0), where order matters. */
  runs: number[];
}

/** For members that have none; never written to. */
export const NO_RECORDS: PaxRecords = { values: new Map(), xattrs: new Map(), runs: [] };

export function emptyRecords(): PaxRecords {
  return { values: new Map(), xattrs: new Map(), runs: [] };
}

/** Names that reach the file system must not hold a NUL, nor must what we print. */
const TEXTS = new Set(["path", "linkpath", "uname", "gname", "GNU.sparse.name"]);

/**
 * Parses `<length> <key>=<value>\n` records (POSIX pax, "Extended Header") into `records`.
 * @throws system
 */
export function parsePax(data: Uint8Array, records: PaxRecords): void {
  let count = 0;
  let at = 0;
  while (at < data.length) {
    // Some writers fill the block up with zeros that the size covers.
    if (data[at] === 0) {
      if (isZero(data, at)) return;
      throw invalidHeader("a PAX record has no length");
    }
    if (++count > MAX_PAX_RECORDS) throw invalidHeader(`more than ${MAX_PAX_RECORDS} PAX records`);
    const end = at + recordLength(data, at);
    const keyStart = data.indexOf(SPACE, at) + 1;
    const equals = data.indexOf(EQUALS, keyStart);
    if (end > data.length || data[end - 1] !== NEWLINE || equals < keyStart || equals >= end) {
      throw invalidHeader("a PAX record does not have its length");
    }
    const key = decodeName(data.subarray(keyStart, equals));
    if (key === "" || key.includes("\0")) throw invalidHeader("a PAX record has no key");
    store(records, key, data.subarray(equals + 1, end - 1));
    at = end;
  }
}

function isZero(data: Uint8Array, from: number): boolean {
  for (let i = from; i < data.length; i++) if (data[i] !== 0) return false;
  return true;
}

function recordLength(data: Uint8Array, at: number): number {
  let length = 0;
  for (let i = at; i < at + 9; i++) {
    const byte = data[i];
    if (byte === SPACE && i > at) return length;
    if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    length = length * 10 + (byte - 0x30);
  }
  throw invalidHeader("a PAX record has no length");
}

function store(records: PaxRecords, key: string, value: Uint8Array): void {
  if (key.startsWith(XATTR_PREFIX)) {
    const name = key.slice(XATTR_PREFIX.length);
    if (name === "" || encodeName(name).length > MAX_XATTR_NAME)
      throw invalidHeader("the name of an attribute is too long");
    if (value.length > MAX_XATTR_VALUE) throw invalidHeader(`the attribute ${name} is too large`);
    // A copy: the caller's buffer is used again.
    records.xattrs.set(name, value.slice());
    return;
  }
  const text = decodeName(value);
  if (TEXTS.has(key) && text.includes("\0")) throw invalidHeader(`${key} has a NUL`);
  if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
    const isOffset = key === "GNU.sparse.offset";
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(number) || (records.runs.length % 2 === 0) !== isOffset) {
      throw invalidHeader("the map of a sparse file is wrong");
    }
    records.runs.push(number);
    return;
  }
  records.values.set(key, text);
}

/** The records that apply to a member: those of the global headers, then its own. */
export function mergeRecords(global: PaxRecords, own: PaxRecords): PaxRecords {
  if (global.values.size === 0 && global.xattrs.size === 0) return own;
  return {
    values: new Map([...global.values, ...own.values]),
    xattrs: new Map([...global.xattrs, ...own.xattrs]),
    runs: own.runs,
  };
}

/** The bytes of one record. `value` may hold anything but must fit a header; `key` has no `=`. */
export function encodeRecord(key: string, value: Uint8Array): Uint8Array {
  const name = encodeName(key);
  // The length counts its own digits.
  const rest = name.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  const record = new Uint8Array(length);
  const prefix = encodeName(`${length} `);
  record.set(prefix, 0);
  record.set(name, prefix.length);
  record[prefix.length + name.length] = EQUALS;
  record.set(value, prefix.length + name.length + 1);
  record[length - 1] = NEWLINE;
  return record;
}

export function xattrKey(name: string): string {
  return XATTR_PREFIX + name;
}
