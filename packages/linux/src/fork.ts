import { AT, O } from "./constants.ts";
import { checked } from "./errno.ts";
import { openat } from "./fs.ts";
import { closeQuietly, readToEnd } from "./io.ts";
import { libc } from "./libc.ts";
import { readDirectory } from "./stat.ts";

/*
 * What makes a Bun process fit to be forked without exec (docs/design/001-processes.md): one thread only, and JIT memory that
 * the child gets too. The engine must have been started with `FORK_SERVER_ENVIRONMENT`.
 */

/**
 * No helper threads: not for collection and compilation, not JavaScriptCore's "JSCWarmUp" (it touches heap blocks ahead of
 * their use) and not mimalloc's "mi-scavenger" (it gives memory back), which appear after some milliseconds or megabytes.
 */
export const FORK_SERVER_ENVIRONMENT: Readonly<Record<string, string>> = {
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_useWarmUpMarkedBlocks: "0",
  MIMALLOC_SCAVENGER: "0",
  // Each child compiles for itself, on its only thread: only loops that carry a container's output are worth it.
  BUN_JSC_thresholdForJITAfterWarmUp: "20000",
  BUN_JSC_thresholdForJITSoon: "5000",
};

const MADV_DOFORK = 11;

/**
 * Gives forked children the memory regions that are marked "do not copy on fork": JavaScriptCore marks its executable memory
 * so, and a child without it crashes at its first compiled call. How many regions there were.
 */
export function allowForkOfJit(): number {
  const maps = readProc("/proc/self/smaps");
  const header = /^([0-9a-f]+)-([0-9a-f]+) /;
  let start = 0;
  let end = 0;
  let count = 0;
  for (const line of maps.split("\n")) {
    const region = header.exec(line);
    if (region !== null) {
      start = Number.parseInt(region[1] as string, 16);
      end = Number.parseInt(region[2] as string, 16);
    } else if (line.startsWith("VmFlags:") && / dc( |$)/.test(line)) {
      checked(libc().madvise(start, end - start, MADV_DOFORK), "madvise");
      count++;
    }
  }
  return count;
}

/** How many threads this process has. */
export function threadCount(): number {
  const folder = openat(AT.FDCWD, "/proc/self/task", O.RDONLY | O.DIRECTORY);
  try {
    return readDirectory(folder).length;
  } finally {
    closeQuietly(folder);
  }
}

/** All of a file of /proc, whose size is not known before. */
function readProc(path: string): string {
  const fd = openat(AT.FDCWD, path, O.RDONLY);
  try {
    return readToEnd(fd, 64 * 1024).toString();
  } finally {
    closeQuietly(fd);
  }
}
