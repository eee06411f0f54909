import { lseek, SEEK } from "@berth/linux";
import type { Extent } from "../tar/entry.ts";
import { MAX_EXTENTS } from "../tar/limits.ts";

/** Holes smaller than this together are not worth a map, which some readers do not know. */
const WORTHWHILE = 64 * 1024;

/**
 * Where an open file has data. Undefined when it has no holes to speak of, or too many parts, or the file system does not
 * tell: then it is best handled as one run. Moves the file's position.
 * @param allocated bytes that the file has on disk.
 */
export function dataExtents(fd: number, size: number, allocated: number): Extent[] | undefined {
  if (size - allocated < WORTHWHILE) return undefined;
  const extents: Extent[] = [];
  let holes = 0;
  for (let at = 0; at < size; ) {
    const start = lseek(fd, at, SEEK.DATA);
    if (start < 0 || start >= size) {
      holes += size - at;
      break;
    }
    holes += start - at;
    const hole = lseek(fd, start, SEEK.HOLE);
    const end = hole < 0 ? size : Math.min(hole, size);
    if (extents.length === MAX_EXTENTS - 1) return undefined;
    extents.push({ offset: start, length: end - start });
    at = end;
  }
  return holes < WORTHWHILE ? undefined : extents;
}
