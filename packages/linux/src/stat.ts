import { AT, S } from "./constants.ts";
import { cPath } from "./cstring.ts";
import { checked, Errno, failure } from "./errno.ts";
import { errno, libc, Memory } from "./libc.ts";
import { decodeName, type Path } from "./name.ts";

/** What statx(2) tells of a file. */
export interface Stat {
  /** Type (`S.IFMT`) and permission bits. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  size: number;
  /** 512-byte blocks that are allocated. */
  blocks: number;
  /** All 64 bits count: overlayfs uses the highest. */
  ino: bigint;
  deviceMajor: number;
  deviceMinor: number;
  /** Of a device file. */
  rdevMajor: number;
  rdevMinor: number;
  atimeSeconds: number;
  atimeNanoseconds: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  ctimeSeconds: number;
  ctimeNanoseconds: number;
  mountId: number;
  isMountRoot: boolean;
}

const BASIC_AND_MOUNT_ID = 0x7ff | 0x1000;
const ATTR_MOUNT_ROOT = 0x2000;
let memory: Memory | undefined;

/** Does not follow a link at the end, unless `flags` lacks `AT.SYMLINK_NOFOLLOW`. With `AT.EMPTY_PATH` and `""`: of `directory`. */
export function statx(directory: number, path: Path, flags: number = AT.SYMLINK_NOFOLLOW): Stat {
  memory ??= new Memory(256);
  const name = cPath(path, "stat");
  checked(libc().statx(directory, name, flags, BASIC_AND_MOUNT_ID, memory.address), "stat", path);
  return parse(memory);
}

/** As `statx`; undefined when nothing is there. */
export function statIfExists(
  directory: number,
  path: Path,
  flags: number = AT.SYMLINK_NOFOLLOW,
): Stat | undefined {
  memory ??= new Memory(256);
  const name = cPath(path, "stat");
  if (libc().statx(directory, name, flags, BASIC_AND_MOUNT_ID, memory.address) === 0) return parse(memory);
  const code = errno();
  if (code === Errno.ENOENT || code === Errno.ENOTDIR) return undefined;
  throw failure("stat", path);
}

/** Of an open descriptor, `O.PATH` ones included. */
export function fstat(fd: number): Stat {
  return statx(fd, "", AT.EMPTY_PATH | AT.SYMLINK_NOFOLLOW);
}

function parse(m: Memory): Stat {
  return {
    mode: m.getU16(28),
    nlink: m.getU32(16),
    uid: m.getU32(20),
    gid: m.getU32(24),
    size: m.getU64(40),
    blocks: m.getU64(48),
    ino: m.view.getBigUint64(32, true),
    deviceMajor: m.getU32(136),
    deviceMinor: m.getU32(140),
    rdevMajor: m.getU32(128),
    rdevMinor: m.getU32(132),
    atimeSeconds: signed(m, 64),
    atimeNanoseconds: m.getU32(72),
    ctimeSeconds: signed(m, 96),
    ctimeNanoseconds: m.getU32(104),
    mtimeSeconds: signed(m, 112),
    mtimeNanoseconds: m.getU32(120),
    mountId: m.getU64(144),
    isMountRoot: (m.getU32(8) & ATTR_MOUNT_ROOT) !== 0,
  };
}

function signed(m: Memory, at: number): number {
  return m.getU32(at) + m.getI32(at + 4) * 0x1_0000_0000;
}

export function isDirectory(mode: number): boolean {
  return (mode & S.IFMT) === S.IFDIR;
}

export function isSymlink(mode: number): boolean {
  return (mode & S.IFMT) === S.IFLNK;
}

export function isRegular(mode: number): boolean {
  return (mode & S.IFMT) === S.IFREG;
}

/** A name in a directory. `type` is a file type of `S`, or 0 when the file system does not tell. */
export interface DirectoryEntry {
  name: string;
  ino: bigint;
  type: number;
}

const BATCH = 64 * 1024;
let batch: Memory | undefined;

/** The next entries of an open directory (without `.` and `..`), at most some thousand; undefined at the end. */
export function getdents(fd: number): DirectoryEntry[] | undefined {
  batch ??= new Memory(BATCH);
  const length = checked(libc().getdents64(fd, batch.address, BATCH), "getdents64");
  if (length === 0) return undefined;
  const entries: DirectoryEntry[] = [];
  // struct linux_dirent64: u64 ino, s64 offset, u16 record length, u8 type, name NUL-terminated.
  for (let at = 0; at < length; ) {
    const record = batch.getU16(at + 16);
    const start = at + 19;
    const name = decodeName(batch.bytes.subarray(start, batch.bytes.indexOf(0, start)));
    if (name !== "." && name !== "..") {
      const type = ((batch.bytes[at + 18] as number) << 12) & S.IFMT;
      entries.push({ name, ino: batch.view.getBigUint64(at, true), type });
    }
    at += record;
  }
  return entries;
}

/** All entries of an open directory, in the file system's order. */
export function readDirectory(fd: number): DirectoryEntry[] {
  const all: DirectoryEntry[] = [];
  for (let some = getdents(fd); some !== undefined; some = getdents(fd)) {
    for (const entry of some) all.push(entry);
  }
  return all;
}
