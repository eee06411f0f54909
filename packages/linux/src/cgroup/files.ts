import { AT, O } from "../constants.ts";
import { Errno, isErrno, SyscallError } from "../errno.ts";
import { existsAt, mkdirat, open, openat, unlinkat } from "../fs.ts";
import { closeQuietly, read, write } from "../io.ts";
import { libc, Memory } from "../libc.ts";
import { isDirectory, readDirectory, statIfExists } from "../stat.ts";

/*
 * The small files of a cgroup hierarchy: read in one go into one buffer, written in one call.
 */
const LIMIT = 256 * 1024;
let buffer: Memory | undefined;

/** The text of a file; undefined when it is not there or the kernel does not offer it. */
export function readText(path: string): string | undefined {
  buffer ??= new Memory(LIMIT);
  let fd: number;
  try {
    fd = open(path, O.RDONLY);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
  try {
    let length = 0;
    while (length < LIMIT) {
      const count = read(fd, buffer.bytes, length, LIMIT - length);
      if (count <= 0) break;
      length += count;
    }
    return Buffer.from(buffer.bytes.buffer, 0, length).toString("latin1");
  } catch (error) {
    // ENODEV: the group was removed while the file was open; EOPNOTSUPP: not in a group of this kind.
    if (isErrno(error, "ENODEV", "EOPNOTSUPP")) return undefined;
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

/** A file with one number in it; undefined for `max`, for v1's "no limit", and when it is not there. */
export function readNumber(path: string): number | undefined {
  const text = readText(path)?.trim();
  return text === undefined ? undefined : parseNumber(text);
}

/** v1 says "no limit" with numbers near 2^63. */
const UNLIMITED = 2 ** 62;

export function parseNumber(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const number = Number(text);
  return number >= UNLIMITED ? undefined : number;
}

/** Lines `key value`. */
export function readTable(path: string): Record<string, number> {
  const table: Record<string, number> = {};
  for (const line of (readText(path) ?? "").split("\n")) {
    const space = line.indexOf(" ");
    if (space <= 0) continue;
    const value = Number(line.slice(space + 1));
    if (Number.isFinite(value)) table[line.slice(0, space)] = value;
  }
  return table;
}

/** Writes a value in one call, as the kernel wants it. @throws SyscallError with `path` */
export function writeValue(path: string, value: string | number): void {
  const fd = open(path, O.WRONLY | O.TRUNC);
  try {
    write(fd, Buffer.from(String(value)));
  } catch (error) {
    if (error instanceof SyscallError) throw new SyscallError("write", error.errno, path);
    throw error;
  } finally {
    closeQuietly(fd);
  }
}

export function exists(path: string): boolean {
  return existsAt(AT.FDCWD, path);
}

/** Names of the folders in a folder; none when it is not there. Symbolic links do not count. */
export function subfolders(path: string): string[] {
  let fd: number;
  try {
    fd = openat(AT.FDCWD, path, O.RDONLY | O.DIRECTORY);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
  try {
    return readDirectory(fd)
      .map((entry) => entry.name)
      .filter((name) => isDirectory(statIfExists(fd, name)?.mode ?? 0));
  } finally {
    closeQuietly(fd);
  }
}

/** Makes a folder below `base`, and those between. */
export function makeFolders(base: string, path: string): void {
  let at = base;
  for (const part of path.split("/").filter((name) => name !== "")) {
    at += `/${part}`;
    try {
      mkdirat(AT.FDCWD, at, 0o755);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
}

/** Removes a group and those below it; nothing when it is not there. @throws SyscallError EBUSY */
export function removeGroup(path: string): void {
  for (const name of subfolders(path)) removeGroup(`${path}/${name}`);
  try {
    unlinkat(AT.FDCWD, path, AT.REMOVEDIR);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** The processes of a group and of those below it. */
export function collectPids(path: string, into: Set<number>): void {
  for (const line of (readText(`${path}/cgroup.procs`) ?? "").split("\n")) {
    const pid = Number(line);
    if (pid > 0) into.add(pid);
  }
  for (const name of subfolders(path)) collectPids(`${path}/${name}`, into);
}

/** Sleeps without an event loop. */
export function pause(milliseconds: number): void {
  libc().poll(null, 0, milliseconds);
}

export function busy(path: string): SyscallError {
  return new SyscallError("freeze", Errno.EBUSY, path);
}

/** How long `freeze` waits. */
export const FREEZE_PATIENCE_MS = 2000;
