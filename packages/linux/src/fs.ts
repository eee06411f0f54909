import { AT, O, SYS } from "./constants.ts";
import { cPath } from "./cstring.ts";
import { checked, Errno, failure } from "./errno.ts";
import { errno, libc, Memory } from "./libc.ts";
import { decodeName, type Path } from "./name.ts";

/*
 * Names in directories. Every function takes the descriptor of a directory (`AT.FDCWD`: the working directory) and a path
 * below it, and throws a SyscallError. Descriptors are close-on-exec always.
 */

/** Opens (or with `O.CREAT` makes) a file. `mode` is subject to the umask. */
export function openat(directory: number, path: Path, flags: number, mode = 0): number {
  const name = cPath(path, "open");
  for (;;) {
    const fd = libc().openat(directory, name, flags | O.CLOEXEC, mode);
    if (fd >= 0) return fd;
    if (errno() !== Errno.EINTR) throw failure("open", path);
  }
}

/** `openat` from the working directory. */
export function open(path: Path, flags: number, mode = 0): number {
  return openat(AT.FDCWD, path, flags, mode);
}

/** openat2(2) `resolve` flags. */
export const RESOLVE = {
  NO_XDEV: 1,
  NO_MAGICLINKS: 2,
  NO_SYMLINKS: 4,
  BENEATH: 8,
  IN_ROOT: 16,
  CACHED: 32,
} as const;

let how: Memory | undefined;

/**
 * Opens with a restricted lookup (openat2(2)): with `RESOLVE.IN_ROOT`, `directory` is the root for absolute paths, `..` and
 * symbolic links, so that a hostile tree cannot lead out of it.
 * @throws SyscallError EXDEV, ELOOP when the path breaks the rules.
 */
export function openat2(
  directory: number,
  path: Path,
  flags: number,
  resolve: number = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
  mode = 0,
): number {
  how ??= new Memory(24);
  how.setU64(0, (flags | O.CLOEXEC) >>> 0);
  how.setU64(8, mode);
  how.setU64(16, resolve);
  const name = cPath(path, "openat2");
  for (let attempt = 0; ; attempt++) {
    const fd = libc().syscall(SYS.openat2, directory, name, how.address, 24, 0, 0);
    if (fd >= 0) return fd;
    const code = errno();
    // EAGAIN: something was renamed during the walk through "..", the kernel could not vouch for the result.
    if (code !== Errno.EINTR && !(code === Errno.EAGAIN && attempt < 64)) throw failure("openat2", path);
  }
}

export function mkdirat(directory: number, path: Path, mode = 0o777): void {
  checked(libc().mkdirat(directory, cPath(path, "mkdir"), mode), "mkdir", path);
}

/** Makes a device, FIFO, socket or file: `mode` has the type bits of `S`, `device` comes from `makeDevice`. */
export function mknodat(directory: number, path: Path, mode: number, device = 0): void {
  checked(libc().mknodat(directory, cPath(path, "mknod"), mode, device), "mknod", path);
}

export function symlinkat(target: Path, directory: number, path: Path): void {
  const text = cPath(target, "symlink", 1);
  checked(libc().symlinkat(text, directory, cPath(path, "symlink")), "symlink", path);
}

/** A hard link to `from`; symbolic links are linked themselves unless `flags` has `AT.SYMLINK_FOLLOW`. */
export function linkat(fromDirectory: number, from: Path, toDirectory: number, to: Path, flags = 0): void {
  const source = cPath(from, "link", 1);
  checked(libc().linkat(fromDirectory, source, toDirectory, cPath(to, "link"), flags), "link", to);
}

/** Removes a name; `AT.REMOVEDIR` for an empty directory. */
export function unlinkat(directory: number, path: Path, flags = 0): void {
  checked(libc().unlinkat(directory, cPath(path, "unlink"), flags), "unlink", path);
}

/** renameat2(2) flags. */
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

export function renameat2(fromDirectory: number, from: Path, toDirectory: number, to: Path, flags = 0): void {
  const source = cPath(from, "rename", 1);
  checked(libc().renameat2(fromDirectory, source, toDirectory, cPath(to, "rename"), flags), "rename", from);
}

let linkText: Memory | undefined;

/** Where a symbolic link points; with an empty path, the link that `directory` was opened on (`O.PATH | O.NOFOLLOW`). */
export function readlinkat(directory: number, path: Path): string {
  linkText ??= new Memory(4096);
  const length = checked(
    libc().readlinkat(directory, cPath(path, "readlink"), linkText.address, 4096),
    "readlink",
    path,
  );
  return decodeName(linkText.bytes.subarray(0, length));
}

/** Owner and group; `-1` leaves one as it is. `flags`: `AT.SYMLINK_NOFOLLOW`, `AT.EMPTY_PATH`. */
export function fchownat(directory: number, path: Path, uid: number, gid: number, flags = 0): void {
  checked(libc().fchownat(directory, cPath(path, "chown"), uid >>> 0, gid >>> 0, flags), "chown", path);
}

export function fchown(fd: number, uid: number, gid: number): void {
  checked(libc().fchown(fd, uid >>> 0, gid >>> 0), "fchown");
}

/** Permission bits. Follows symbolic links: Linux has no modes on links. */
export function fchmodat(directory: number, path: Path, mode: number): void {
  checked(libc().fchmodat(directory, cPath(path, "chmod"), mode, 0), "chmod", path);
}

export function fchmod(fd: number, mode: number): void {
  checked(libc().fchmod(fd, mode), "fchmod");
}

/** A time, or `"now"`, or `"omit"` to leave it. Seconds since 1970 may be negative; nanoseconds are 0..999999999. */
export type FileTime = { seconds: number; nanoseconds: number } | "now" | "omit";

const UTIME_NOW = 0x3fff_ffff;
const UTIME_OMIT = 0x3fff_fffe;
let times: Memory | undefined;

function putTime(memory: Memory, at: number, time: FileTime): void {
  const special = typeof time === "string";
  // Without a BigInt: this runs for every file of a layer. Two's complement, so that times before 1970 come out right.
  const seconds = special ? 0 : time.seconds;
  memory.setU32(at, seconds % 0x1_0000_0000);
  memory.setU32(at + 4, Math.floor(seconds / 0x1_0000_0000));
  memory.setU64(at + 8, special ? (time === "now" ? UTIME_NOW : UTIME_OMIT) : time.nanoseconds);
}

/** Access and modification time. `flags`: `AT.SYMLINK_NOFOLLOW`, `AT.EMPTY_PATH`. */
export function utimensat(
  directory: number,
  path: Path,
  access: FileTime,
  modification: FileTime,
  flags = 0,
): void {
  times ??= new Memory(32);
  putTime(times, 0, access);
  putTime(times, 16, modification);
  checked(libc().utimensat(directory, cPath(path, "utimes"), times.address, flags), "utimes", path);
}

/** As `utimensat`, of an open file. */
export function futimens(fd: number, access: FileTime, modification: FileTime): void {
  times ??= new Memory(32);
  putTime(times, 0, access);
  putTime(times, 16, modification);
  checked(libc().futimens(fd, times.address), "futimens");
}

/** faccessat(2) modes. */
export const ACCESS = { EXISTS: 0, EXECUTE: 1, WRITE: 2, READ: 4 } as const;

/** False when access is denied or the name does not exist. */
export function access(path: Path, mode: number): boolean {
  return libc().faccessat(AT.FDCWD, cPath(path, "access"), mode, 0) === 0;
}

/** Whether something is at `path` (a dangling link is something). @throws SyscallError for what hinders looking. */
export function existsAt(directory: number, path: Path): boolean {
  if (libc().faccessat(directory, cPath(path, "access"), 0, AT.SYMLINK_NOFOLLOW) === 0) return true;
  const code = errno();
  if (code === Errno.ENOENT || code === Errno.ENOTDIR) return false;
  throw failure("access", path);
}

/** Sets the mask for new files of this process; the mask that was. */
export function umask(mask: number): number {
  return libc().umask(mask);
}

export function chdir(path: Path): void {
  checked(libc().chdir(cPath(path, "chdir")), "chdir", path);
}

export function fchdir(fd: number): void {
  checked(libc().fchdir(fd), "fchdir");
}

let statfsMemory: Memory | undefined;

/** `f_type` (the file system's magic), block size, and space in blocks. */
export function statfs(path: Path): { type: number; blockSize: number; blocks: number; available: number } {
  statfsMemory ??= new Memory(120);
  checked(libc().statfs64(cPath(path, "statfs"), statfsMemory.address), "statfs", path);
  return {
    type: statfsMemory.getU64(0),
    blockSize: statfsMemory.getU64(8),
    blocks: statfsMemory.getU64(16),
    available: statfsMemory.getU64(32),
  };
}
