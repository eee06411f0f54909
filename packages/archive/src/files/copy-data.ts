import { copyFileRange, ftruncate, lseek, read, SEEK, SyscallError, sendfile, writeAll } from "@berth/linux";
import { dataExtents } from "../pack/extents.ts";

const STEP = 1 << 30;
const BUFFER = 1024 * 1024;

/**
 * Copies the content of an open file into an empty one inside the kernel, sharing the blocks where the file system can.
 * Holes stay holes.
 * @param allocated bytes that the file has on disk.
 * @throws SyscallError
 */
export function copyData(from: number, to: number, size: number, allocated: number): void {
  const extents = dataExtents(from, size, allocated) ?? [{ offset: 0, length: size }];
  for (const { offset, length } of extents) {
    lseek(from, offset, SEEK.SET);
    lseek(to, offset, SEEK.SET);
    copyRun(from, to, length);
  }
  if (extents.length !== 1 || extents[0]?.length !== size) ftruncate(to, size);
}

function copyRun(from: number, to: number, length: number): void {
  let left = length;
  for (const call of [
    copyFileRange,
    (source: number, target: number, count: number) => sendfile(target, source, count),
  ]) {
    try {
      while (left > 0) {
        const count = call(from, to, Math.min(left, STEP));
        if (count <= 0) break;
        left -= count;
      }
      if (left === 0) return;
    } catch (error) {
      // Not possible between these two files; or something is wrong, which reading or writing will tell.
      if (!(error instanceof SyscallError)) throw error;
    }
  }
  const buffer = new Uint8Array(Math.min(BUFFER, left));
  while (left > 0) {
    const count = read(from, buffer, 0, Math.min(left, buffer.length));
    // The file became shorter.
    if (count <= 0) return;
    writeAll(to, buffer, 0, count);
    left -= count;
  }
}
