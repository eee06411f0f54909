import { systemError } from "@berth/base";
import { encodeName } from "@berth/linux";
import type { EntryType, Extent, TarEntry } from "./entry.ts";
import { checksum, FIELD } from "./header.ts";
import { BLOCK, MAX_METADATA } from "./limits.ts";
import { fitsOctal, formatTime, writeOctal } from "./numbers.ts";
import { encodeRecord, xattrKey } from "./pax.ts";

/** What a member to be written must say; the rest has the defaults of an empty field. */
export type WritableEntry = Pick<TarEntry, "type" | "name" | "mode" | "uid" | "gid" | "mtime"> &
  Partial<TarEntry>;

export interface WriteOptions {
  /** Also write the nanoseconds of `mtime` (a PAX record for nearly every member). Otherwise they are cut off. */
  subSecondTimes?: boolean;
}

/** The two blocks of zeros that end an archive. Nothing may follow: buildah refuses layers with filling behind it. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);

const FLAGS: Readonly<Record<EntryType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/**
 * The header of a member: one ustar block, with PAX records in front of it for what ustar cannot say: long names and names
 * beyond ASCII, large numbers, attributes, times before 1970, holes (format 1.0). After it come `contentSize(entry)` bytes of
 * content and `padding(…)` zeros. The name of a directory gets a slash at its end.
 * @throws system when the records are larger than readers take.
 */
export function encodeHeader(entry: WritableEntry, options: WriteOptions = {}): Uint8Array {
  const records: Uint8Array[] = [];
  const add = (key: string, text: string) => records.push(encodeRecord(key, encodeName(text)));
  const block = new Uint8Array(BLOCK);
  const isFile = entry.type === "file";
  const map =
    isFile && entry.sparse !== undefined ? encodeSparseMap(entry.sparse, entry.size ?? 0) : undefined;
  let stored = isFile ? (entry.size ?? 0) : 0;
  let name = entry.type === "directory" && !entry.name.endsWith("/") ? `${entry.name}/` : entry.name;

  if (map !== undefined) {
    add("GNU.sparse.major", "1");
    add("GNU.sparse.minor", "0");
    add("GNU.sparse.name", name);
    add("GNU.sparse.realsize", String(stored));
    stored = map.length + entry.sparse!.reduce((sum, extent) => sum + extent.length, 0);
    // Readers that do not know the format then do not take the map for the file.
    name = `GNUSparseFile.0/${name.slice(name.lastIndexOf("/") + 1)}`;
  }
  if (!putName(block, name)) add("path", name);
  if (!putText(block, FIELD.linkName, 100, entry.linkName ?? "")) add("linkpath", entry.linkName!);
  if (!putText(block, FIELD.uname, 32, entry.uname ?? "")) add("uname", entry.uname!);
  if (!putText(block, FIELD.gname, 32, entry.gname ?? "")) add("gname", entry.gname!);
  writeOctal(block, FIELD.mode, 8, entry.mode & 0o7777);
  for (const key of ["uid", "gid"] as const) {
    if (!putNumber(block, FIELD[key], 8, entry[key])) add(key, String(entry[key]));
  }
  if (!putNumber(block, FIELD.size, 12, stored)) add("size", String(stored));
  const time = {
    seconds: entry.mtime.seconds,
    nanoseconds: options.subSecondTimes ? entry.mtime.nanoseconds : 0,
  };
  if (!putNumber(block, FIELD.mtime, 12, time.seconds) || time.nanoseconds > 0)
    add("mtime", formatTime(time));
  writeOctal(block, FIELD.deviceMajor, 8, entry.deviceMajor ?? 0);
  writeOctal(block, FIELD.deviceMinor, 8, entry.deviceMinor ?? 0);
  for (const [key, value] of entry.xattrs ?? []) records.push(encodeRecord(xattrKey(key), value));

  seal(block, FLAGS[entry.type]);
  if (records.length === 0) return block;
  return join([...extendedHeader(records, name), block, ...(map === undefined ? [] : [map])]);
}

/** Bytes of content that follow the header: those that are no hole. */
export function contentSize(entry: WritableEntry): number {
  if (entry.type !== "file") return 0;
  return entry.sparse === undefined
    ? (entry.size ?? 0)
    : entry.sparse.reduce((sum, extent) => sum + extent.length, 0);
}

/** Zeros that follow `size` bytes of content. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function extendedHeader(records: readonly Uint8Array[], name: string): Uint8Array[] {
  const size = records.reduce((sum, record) => sum + record.length, 0);
  if (size > MAX_METADATA)
    throw systemError(`${name}: the name and the attributes are too large for a tar archive`);
  const block = new Uint8Array(BLOCK);
  const shown = `PaxHeaders.0/${name.slice(name.lastIndexOf("/", name.length - 2) + 1)}`;
  block.set(encodeName(shown).subarray(0, 100), 0);
  writeOctal(block, FIELD.mode, 8, 0);
  writeOctal(block, FIELD.uid, 8, 0);
  writeOctal(block, FIELD.gid, 8, 0);
  writeOctal(block, FIELD.size, 12, size);
  writeOctal(block, FIELD.mtime, 12, 0);
  writeOctal(block, FIELD.deviceMajor, 8, 0);
  writeOctal(block, FIELD.deviceMinor, 8, 0);
  seal(block, "x");
  return [block, ...records, new Uint8Array(padding(size))];
}

/** Type flag, magic and checksum: the last touch to a block. */
function seal(block: Uint8Array, flag: string): void {
  block[FIELD.flag] = flag.charCodeAt(0);
  block.set(MAGIC, FIELD.magic);
  writeOctal(block, FIELD.checksum, 7, checksum(block, 0));
  block[FIELD.checksum + 7] = 0x20;
}

const MAGIC = new Uint8Array([0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30]);

const NOT_ASCII = /[^\0-\x7f]/;

/**
 * The name field, with the front of a long name in the prefix field; false when a record must say it. Bytes that are not
 * UTF-8 go into the field as they are, for a record would have to be UTF-8.
 */
function putName(block: Uint8Array, name: string): boolean {
  const portable = !NOT_ASCII.test(name);
  if (!portable && name.isWellFormed()) return false;
  const bytes = encodeName(name);
  if (bytes.length <= 100) {
    block.set(bytes, FIELD.name);
    return true;
  }
  // The slash between the two fields is in neither; a directory's own slash at the end stays.
  const slash = bytes.lastIndexOf(0x2f, Math.min(155, bytes.length - 2));
  if (slash <= 0 || bytes.length - slash - 1 > 100) return false;
  block.set(bytes.subarray(slash + 1), FIELD.name);
  block.set(bytes.subarray(0, slash), FIELD.prefix);
  return true;
}

function putText(block: Uint8Array, at: number, length: number, text: string): boolean {
  if (text === "") return true;
  if (NOT_ASCII.test(text) && text.isWellFormed()) return false;
  const bytes = encodeName(text);
  if (bytes.length > length) return false;
  block.set(bytes, at);
  return true;
}

function putNumber(block: Uint8Array, at: number, length: number, value: number): boolean {
  const fits = fitsOctal(value, length);
  writeOctal(block, at, length, fits ? value : 0);
  return fits;
}

function encodeSparseMap(extents: readonly Extent[], realSize: number): Uint8Array {
  const last = extents.at(-1);
  const end = last === undefined ? 0 : last.offset + last.length;
  // GNU tar gives the file its size by the last run only: a hole at the end needs an empty run behind it.
  const runs = end < realSize ? [...extents, { offset: realSize, length: 0 }] : extents;
  const text = `${runs.length}\n${runs.map((extent) => `${extent.offset}\n${extent.length}\n`).join("")}`;
  const bytes = encodeName(text);
  const map = new Uint8Array(bytes.length + padding(bytes.length));
  map.set(bytes);
  return map;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
