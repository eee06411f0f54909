import { O } from "./constants.ts";
import { checked, Errno, failure } from "./errno.ts";
import { addressOf, errno, libc, Memory } from "./libc.ts";

/*
 * Bytes through descriptors: the hot path of the shim. No call here allocates.
 * `WOULD_BLOCK` (-1) is given back, not thrown, when a non-blocking descriptor is not ready.
 */
export const WOULD_BLOCK = -1;

/** Reads up to `length` bytes into `buffer` at `offset`. 0 at the end, -1 when it would block. @throws SyscallError */
export function read(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.byteLength - offset,
): number {
  const address = addressOf(buffer, offset, length);
  for (;;) {
    const count = libc().read(fd, address, length);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("read");
  }
}

/** Writes up to `length` bytes; how many went, or -1 when none would without blocking. @throws SyscallError */
export function write(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.byteLength - offset,
): number {
  const address = addressOf(buffer, offset, length);
  for (;;) {
    const count = libc().write(fd, address, length);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("write");
  }
}

/** As `read`, at a position in the file. */
export function pread(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  const address = addressOf(buffer, offset, length);
  for (;;) {
    const count = libc().pread64(fd, address, length, position);
    if (count >= 0) return count;
    if (errno() !== Errno.EINTR) throw failure("pread");
  }
}

/** As `write`, at a position in the file. */
export function pwrite(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  const address = addressOf(buffer, offset, length);
  for (;;) {
    const count = libc().pwrite64(fd, address, length, position);
    if (count >= 0) return count;
    if (errno() !== Errno.EINTR) throw failure("pwrite");
  }
}

const POLLOUT = 4;
const POLLIN = 1;

/** Writes everything; on a non-blocking descriptor it waits. @throws SyscallError */
export function writeAll(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.byteLength - offset,
): void {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const count = write(fd, buffer, at, end - at);
    if (count === WOULD_BLOCK) waitFor(fd, POLLOUT, -1);
    else at += count;
  }
}

/** Reads until `length` bytes are there or the end comes; how many. @throws SyscallError */
export function readFull(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.byteLength - offset,
): number {
  let done = 0;
  while (done < length) {
    const count = read(fd, buffer, offset + done, length - done);
    if (count === 0) break;
    if (count === WOULD_BLOCK) waitFor(fd, POLLIN, -1);
    else done += count;
  }
  return done;
}

/** All that comes until the end, in reads of `chunkSize` bytes. @throws SyscallError */
export function readToEnd(fd: number, chunkSize: number): Buffer {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(chunkSize);
    const count = read(fd, chunk);
    if (count <= 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
  }
}

let pollEntry: Memory | undefined;

/** poll(2) of one descriptor: the events that came, 0 after `timeout` milliseconds (-1: for ever). @throws SyscallError */
export function waitFor(fd: number, events: number, timeout: number): number {
  pollEntry ??= new Memory(8);
  const end = timeout < 0 ? 0 : performance.now() + timeout;
  for (let left = timeout; ; left = timeout < 0 ? -1 : Math.max(0, Math.ceil(end - performance.now()))) {
    pollEntry.setI32(0, fd);
    pollEntry.setU16(4, events);
    pollEntry.setU16(6, 0);
    const count = libc().poll(pollEntry.address, 1, left);
    if (count > 0) return pollEntry.getU16(6);
    if (count === 0) return 0;
    if (errno() !== Errno.EINTR) throw failure("poll");
  }
}

/** Waits until there is something to read (or the other side hung up); false after `timeout` milliseconds. */
export function waitReadable(fd: number, timeout = -1): boolean {
  return waitFor(fd, POLLIN, timeout) !== 0;
}

/** Waits until a write would not block; false after `timeout` milliseconds. */
export function waitWritable(fd: number, timeout = -1): boolean {
  return waitFor(fd, POLLOUT, timeout) !== 0;
}

/** Closes a descriptor. Not retried: on Linux it is closed even when EINTR is reported. @throws SyscallError EBADF */
export function close(fd: number): void {
  if (libc().close(fd) < 0) {
    const code = errno();
    if (code !== Errno.EINTR) throw failure("close");
  }
}

/** Closes a descriptor on a clean-up path: never throws. */
export function closeQuietly(fd: number): void {
  if (fd >= 0) libc().close(fd);
}

let pair: Memory | undefined;

/** A pipe, close-on-exec unless `flags` says otherwise. */
export function pipe2(flags: number = O.CLOEXEC): { read: number; write: number } {
  pair ??= new Memory(8);
  checked(libc().pipe2(pair.address, flags), "pipe2");
  return { read: pair.getI32(0), write: pair.getI32(4) };
}

/** A copy of `fd` with close-on-exec set; `minimum` is the lowest number it may get. */
export function dup(fd: number, minimum = 0): number {
  return fcntl(fd, F.DUPFD_CLOEXEC, minimum);
}

/** Makes `target` a copy of `fd`, without close-on-exec. */
export function dup2(fd: number, target: number): void {
  checked(libc().dup2(fd, target), "dup2");
}

/** Makes `target` a copy of `fd`; they must differ. `flags`: 0 or `O.CLOEXEC`. */
export function dup3(fd: number, target: number, flags: number = O.CLOEXEC): void {
  checked(libc().dup3(fd, target, flags), "dup3");
}

/** fcntl(2) commands. */
export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
  GETPIPE_SZ: 1032,
} as const;

export function fcntl(fd: number, command: number, argument = 0): number {
  return checked(libc().fcntl(fd, command, argument), "fcntl");
}

export function setNonBlocking(fd: number, on = true): void {
  const flags = fcntl(fd, F.GETFL);
  const wanted = on ? flags | O.NONBLOCK : flags & ~O.NONBLOCK;
  if (wanted !== flags) fcntl(fd, F.SETFL, wanted);
}

/** Whether the descriptor is closed by exec. */
export function setCloseOnExec(fd: number, on = true): void {
  fcntl(fd, F.SETFD, on ? 1 : 0);
}

/** flock(2) operations. */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** Locks or unlocks an open file; false when `LOCK.NB` is set and another has the lock. @throws SyscallError */
export function flock(fd: number, operation: number): boolean {
  for (;;) {
    if (libc().flock(fd, operation) === 0) return true;
    const code = errno();
    if (code === Errno.EAGAIN && operation & LOCK.NB) return false;
    if (code !== Errno.EINTR) throw failure("flock");
  }
}

export function fsync(fd: number): void {
  checked(libc().fsync(fd), "fsync");
}

export function fdatasync(fd: number): void {
  checked(libc().fdatasync(fd), "fdatasync");
}

/** Writes out the whole file system that `fd` is on. */
export function syncfs(fd: number): void {
  checked(libc().syncfs(fd), "syncfs");
}

export function ftruncate(fd: number, size: number): void {
  checked(libc().ftruncate64(fd, size), "ftruncate");
}

/** fallocate(2) modes. */
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2 } as const;

export function fallocate(fd: number, mode: number, offset: number, length: number): void {
  checked(libc().fallocate64(fd, mode, offset, length), "fallocate");
}

/** lseek(2) origins. */
export const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;

/** The new position. With `SEEK.DATA` past the last data it is -1 (ENXIO). @throws SyscallError */
export function lseek(fd: number, offset: number, whence: number): number {
  const position = libc().lseek64(fd, offset, whence);
  if (position >= 0) return position;
  if (whence >= SEEK.DATA && errno() === Errno.ENXIO) return -1;
  throw failure("lseek");
}

/**
 * Copies within the kernel, from and to the current positions; how many bytes (0: at the end).
 * @throws SyscallError EXDEV, EINVAL, ENOSYS, EOPNOTSUPP when the file systems cannot: read and write instead.
 */
export function copyFileRange(from: number, to: number, length: number): number {
  for (;;) {
    const count = libc().copy_file_range(from, null, to, null, length, 0);
    if (count >= 0) return count;
    if (errno() !== Errno.EINTR) throw failure("copy_file_range");
  }
}

/** From a file's current position to any descriptor; -1 when it would block. @throws SyscallError */
export function sendfile(to: number, from: number, length: number): number {
  for (;;) {
    const count = libc().sendfile64(to, from, null, length);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("sendfile");
  }
}

/** splice(2) flags. */
export const SPLICE = { MOVE: 1, NONBLOCK: 2, MORE: 4 } as const;

/** Moves bytes where one side is a pipe, without copying; 0 at the end, -1 when it would block. @throws SyscallError */
export function splice(from: number, to: number, length: number, flags: number = SPLICE.MOVE): number {
  for (;;) {
    const count = libc().splice(from, null, to, null, length, flags);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("splice");
  }
}

/** Closes all descriptors from `first` to `last` but those that the process needs: for a fresh child. */
export function closeRange(first: number, last = 0xffff_ffff): void {
  checked(libc().syscall(436, first, last, 0, 0, 0, 0), "close_range");
}
