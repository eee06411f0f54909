import { systemError } from "@berth/base";
import type { EntryType, Extent, TarEntry } from "./entry.ts";
import { invalidHeader } from "./failure.ts";
import type { RawHeader } from "./header.ts";
import { MAX_ID, MAX_NAME } from "./limits.ts";
import { parseDecimal, parseTime } from "./numbers.ts";
import type { PaxRecords } from "./pax.ts";
import { type ExtentList, listFromNumbers, parseCommaMap } from "./sparse.ts";

/** What a GNU `L` or `K` member, or the extension blocks of a sparse header, said about the member that follows. */
export interface GnuFacts {
  longName?: string | undefined;
  longLink?: string | undefined;
  sparse?: { list: ExtentList; realSize: number } | undefined;
}

/** A member as the archive describes it, and how its content is stored. */
export interface Member {
  entry: TarEntry;
  /** Bytes of content in the archive, a map in front of it included. */
  stored: number;
  /** The content begins with a map (sparse format 1.0): `finishSparse` completes the entry when it was read. */
  mapInData: boolean;
}

/** GNU's incremental dump of a directory: its content is a list of names, which nobody needs. */
const GNU_DUMP = 0x44;

/** By the type flag's byte. */
const TYPES: (EntryType | undefined)[] = [];
for (const [flags, type] of [
  ["\x0007S", "file"],
  ["1", "link"],
  ["2", "symlink"],
  ["3", "char"],
  ["4", "block"],
  ["5D", "directory"],
  ["6", "fifo"],
] as const) {
  for (const flag of flags) TYPES[flag.charCodeAt(0)] = type;
}

/**
 * Puts a header block and the records before it together.
 * @throws system for what no member can be.
 */
export function makeMember(header: RawHeader, records: PaxRecords, gnu: GnuFacts): Member {
  const { values } = records;
  const { flag } = header;
  let type = TYPES[flag];
  if (type === undefined) throw systemError(`unhandled tar header type ${flag}`);
  const sparseName = values.get("GNU.sparse.name");
  const name = gnu.longName ?? (sparseName || values.get("path") || header.name);
  const linkName = gnu.longLink ?? (values.get("linkpath") || header.linkName);
  if (name.length > MAX_NAME || linkName.length > MAX_NAME) throw invalidHeader("a name is too long");
  if (flag === 0 && name.endsWith("/")) type = "directory";

  const isFile = type === "file";
  let stored = number(values, "size") ?? header.size;
  if (stored < 0) throw invalidHeader("the size is negative");
  if (!isFile && flag !== GNU_DUMP) stored = 0;

  const entry: TarEntry = {
    type,
    name,
    linkName: type === "link" || type === "symlink" ? linkName : "",
    mode: header.mode & 0o7777,
    uid: id(number(values, "uid") ?? header.uid, "uid"),
    gid: id(number(values, "gid") ?? header.gid, "gid"),
    uname: values.get("uname") || header.uname,
    gname: values.get("gname") || header.gname,
    size: isFile ? stored : 0,
    mtime: time(values, "mtime") ?? { seconds: header.mtime, nanoseconds: 0 },
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
  };
  const atime = time(values, "atime");
  if (atime !== undefined) entry.atime = atime;
  const ctime = time(values, "ctime");
  if (ctime !== undefined) entry.ctime = ctime;
  if (records.xattrs.size > 0) entry.xattrs = records.xattrs;
  return { entry, stored, mapInData: isFile && applySparse(entry, stored, records, gnu) };
}

/** True when the map is still to come, in front of the data. */
function applySparse(entry: TarEntry, stored: number, records: PaxRecords, gnu: GnuFacts): boolean {
  const { values, runs } = records;
  if (gnu.sparse !== undefined) {
    finishSparse(entry, gnu.sparse.list, gnu.sparse.realSize, stored);
    return false;
  }
  if (values.get("GNU.sparse.major") === "1" && values.get("GNU.sparse.minor") === "0") {
    entry.size = requiredSize(values, "GNU.sparse.realsize");
    return true;
  }
  const map = values.get("GNU.sparse.map");
  if (map || runs.length > 0) {
    const numbers = map ? parseCommaMap(map) : runs;
    finishSparse(entry, listFromNumbers(numbers), requiredSize(values, "GNU.sparse.size"), stored);
  }
  return false;
}

/** Checks the map against the `stored` bytes of data and puts it into `entry`. @throws system */
export function finishSparse(entry: TarEntry, list: ExtentList, realSize: number, stored: number): void {
  if (realSize < 0) throw invalidHeader("the size is negative");
  const extents: Extent[] = list.check(realSize, stored);
  entry.size = realSize;
  entry.sparse = extents;
}

function requiredSize(values: ReadonlyMap<string, string>, key: string): number {
  const size = number(values, key);
  if (size === undefined || size < 0) throw invalidHeader("the size of a sparse file is wrong");
  return size;
}

/** An empty record takes back what was said before. */
function number(values: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = values.get(key);
  return text ? parseDecimal(text, key) : undefined;
}

function time(values: ReadonlyMap<string, string>, key: string) {
  const text = values.get(key);
  return text ? parseTime(text, key) : undefined;
}

/** Ids are unsigned in the kernel; some writers stored them signed (`nobody` is -2). */
function id(value: number, field: string): number {
  const unsigned = value < 0 ? value + 0x1_0000_0000 : value;
  if (unsigned < 0 || unsigned > MAX_ID) throw invalidHeader(`${field} is out of range`);
  return unsigned;
}
