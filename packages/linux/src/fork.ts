import { messageOf } from "@berth/base";
import { AT, O } from "./constants.ts";
import { checked } from "./errno.ts";
import { openat } from "./fs.ts";
import { closeQuietly, pipe2, read, writeAll } from "./io.ts";
import { libc } from "./libc.ts";
import { exitNow, fork } from "./process.ts";
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

/**
 * A forked child that does one thing and gives a text. The kernel gives all memory that it touches back, so a process that lives
 * long can have a lot done once and stay small. The child shares namespaces and descriptors with this process, and nothing
 * else that it does is seen here. Conditions as for `fork`. The caller awaits its children.
 */
export class ForkedChild {
  /** Readable when the child has its answer, or was killed. */
  readonly descriptor: number;

  /** Forks it; what `action` returns is the answer, the message of what it throws an error. */
  constructor(action: () => string) {
    const { read: reading, write: writing } = pipe2(O.CLOEXEC);
    let child: number;
    try {
      child = fork();
    } catch (error) {
      closeQuietly(reading);
      closeQuietly(writing);
      throw error;
    }
    if (child === 0) answerAndEnd(writing, action);
    closeQuietly(writing);
    this.descriptor = reading;
  }

  /** Waits for the answer, and closes the descriptor. The child may still be ending then. @throws ForkedError */
  answer(): string {
    let answer: string;
    try {
      answer = readUntil(this.descriptor, END);
    } finally {
      closeQuietly(this.descriptor);
    }
    if (answer.startsWith(RETURNED)) return answer.slice(RETURNED.length);
    throw new ForkedError(
      answer.startsWith(THREW) ? answer.slice(THREW.length) : "a forked child was killed",
    );
  }
}

function answerAndEnd(writing: number, action: () => string): never {
  let answer: string;
  try {
    answer = `${RETURNED}${action()}`;
  } catch (error) {
    answer = `${THREW}${messageOf(error)}`;
  }
  try {
    // The end is told, because taking this process' memory apart takes a millisecond.
    writeAll(writing, Buffer.concat([Buffer.from(answer), Uint8Array.of(END)]));
  } finally {
    exitNow(0);
  }
}

const RETURNED = "+";
const THREW = "-";
/** No text has it. */
const END = 0;

/** What a `ForkedChild` did has failed. */
export class ForkedError extends Error {
  override readonly name = "ForkedError";
}

/** What comes before the terminator (a byte), or before the end when none comes. */
function readUntil(fd: number, terminator: number): string {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(4096);
    const count = read(fd, chunk);
    const ended = count <= 0 || chunk[count - 1] === terminator;
    chunks.push(chunk.subarray(0, ended && count > 0 ? count - 1 : Math.max(count, 0)));
    if (ended) return Buffer.concat(chunks).toString();
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

function readToEnd(fd: number, chunkSize: number): Buffer {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(chunkSize);
    const count = read(fd, chunk);
    if (count <= 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
  }
}
