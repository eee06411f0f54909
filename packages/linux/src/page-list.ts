import { readFileSync } from "node:fs";
import { O } from "./constants.ts";
import { threadCount } from "./fork.ts";
import { open } from "./fs.ts";
import { close, closeQuietly, pipe2, pread, read, readToEnd, waitReadable, write, writeAll } from "./io.ts";
import { libc } from "./libc.ts";
import { exitNow, fork, getpid, kill } from "./process.ts";
import { SIG } from "./signal.ts";
import { SOCK, socketpair } from "./socket.ts";

const PAGE = 4096;
/** madvise(2). */
const MADV_POPULATE_READ = 22;
const MADV_POPULATE_WRITE = 23;
/** /proc/pid/pagemap: eight bytes a page, the frame's number in the lower 55 bits, and the uppermost: it is in memory. */
const ENTRY = 8;
const ENTRIES_AT_ONCE = 8192;
/** Pages of a program that lie between two that are needed cost less than another call. */
const PROGRAM_GAP = 16;

/** For `work`: much longer than it takes on a busy machine. */
const PATIENCE_MS = 10_000;

type Range = [start: number, length: number];
/** By page number. */
type Frames = Map<number, number>;
/** Of a process: what it may write, and what it maps from files to read and execute. */
interface Resident {
  memory: Frames;
  program: Frames;
}

/**
 * Memory that forked children of this process come to write and to execute, page by page, each time at the price of a page fault. A
 * child that takes it all at once, ahead, pays while nobody waits for it. Costs no more memory than the child would have in the
 * end. Conditions as for `fork`.
 */
export class PageList {
  readonly #written: readonly Range[];
  readonly #read: readonly Range[];

  private constructor(written: readonly Range[], read: readonly Range[]) {
    this.#written = written;
    this.#read = read;
  }

  /**
   * What `work` writes between its two calls of `mark`, and the program as far as the process has it at the second one: found out by a
   * child that does it while another one looks at its memory. It is waited for. Empty when it failed, when this process may not see such
   * things, and when it is not fit to be forked (more threads).
   */
  static learn(work: (mark: () => void) => void): PageList {
    if (threadCount() > 1) return new PageList([], []);
    try {
      const { read: reading, write: writing } = pipe2(O.CLOEXEC);
      try {
        const observer = fork();
        if (observer === 0) observe(writing, work);
        close(writing);
        if (!waitReadable(reading, PATIENCE_MS)) kill(observer, SIG.KILL);
        const told = readToEnd(reading, 16 * 1024).toString("latin1");
        const [written, read] = told === "" ? [[], []] : (JSON.parse(told) as [Range[], Range[]]);
        return new PageList(written, read);
      } finally {
        close(reading);
      }
    } catch {
      // No process to be had, for one.
      return new PageList([], []);
    }
  }

  get pages(): number {
    return this.#written.reduce((sum, [, length]) => sum + length / PAGE, 0);
  }

  /** In the child: has them. A kernel that cannot (before Linux 5.14) does nothing. */
  take(): void {
    for (const [start, length] of this.#written) libc().madvise(start, length, MADV_POPULATE_WRITE);
    for (const [start, length] of this.#read) libc().madvise(start, length, MADV_POPULATE_READ);
  }
}

/** In a child: has `work` done by a child of its own, and tells what that touched. */
function observe(writing: number, work: (mark: () => void) => void): never {
  try {
    const [ours, theirs] = socketpair(SOCK.SEQPACKET);
    if (fork() === 0) {
      close(ours);
      work(() => stand(theirs));
      exitNow(0);
    }
    close(theirs);
    const word = new Uint8Array(4);
    const look = () => {
      if (read(ours, word) <= 0) exitNow(0);
      const frames = residentFrames(new DataView(word.buffer).getInt32(0, true));
      write(ours, word);
      return frames;
    };
    const before = look();
    const after = look();
    writeAll(
      writing,
      Buffer.from(JSON.stringify([writtenPages(before.memory, after.memory), mappedPages(after.program)])),
    );
  } finally {
    exitNow(0);
  }
}

/** Is looked at, by the process at the other end of `socket`. */
function stand(socket: number): void {
  // Whatever this process has is shared with a child from now on: what it writes gets a frame of its own.
  const [ours, theirs] = socketpair();
  if (fork() === 0) {
    close(ours);
    close(socket);
    read(theirs, new Uint8Array(1));
    exitNow(0);
  }
  close(theirs);
  witnesses.push(ours);
  const word = new Uint8Array(4);
  new DataView(word.buffer).setInt32(0, getpid(), true);
  write(socket, word);
  read(socket, word);
}

/** Kept open as long as this process lives. */
const witnesses: number[] = [];

/** A page that was written is in another frame than the one that it shared. */
function writtenPages(before: Frames, after: Frames): Range[] {
  const ranges: Range[] = [];
  for (const [page, frame] of after) if (before.get(page) !== frame) addTo(ranges, page, 0);
  return ranges;
}

function mappedPages(program: Frames): Range[] {
  const ranges: Range[] = [];
  for (const page of program.keys()) addTo(ranges, page, PROGRAM_GAP);
  return ranges;
}

/** `gap`: pages that may lie between two of one range. */
function addTo(ranges: Range[], page: number, gap: number): void {
  const last = ranges.at(-1);
  const start = page * PAGE;
  if (last !== undefined && start - (last[0] + last[1]) <= gap * PAGE) last[1] = start + PAGE - last[0];
  else ranges.push([start, PAGE]);
}

function residentFrames(pid: number): Resident {
  const found: Resident = { memory: new Map(), program: new Map() };
  const pagemap = open(`/proc/${pid}/pagemap`, O.RDONLY | O.CLOEXEC);
  try {
    let start = 0;
    let end = 0;
    let frames: Frames | undefined;
    for (const line of readFileSync(`/proc/${pid}/smaps`, "latin1").split("\n")) {
      const header = /^([0-9a-f]+)-([0-9a-f]+) (.)(.)..\s\S+\s\S+\s(\d+)\s*(.?)/.exec(line);
      if (header !== null) {
        const [, from, to, readable, writable, inode, name] = header as unknown as string[];
        start = Number.parseInt(from!, 16);
        end = Number.parseInt(to!, 16);
        frames = undefined;
        // In brackets: the stack, C's heap, and what the kernel maps.
        if (readable !== "r" || name === "[") continue;
        if (writable === "w") frames = found.memory;
        else if (inode !== "0") frames = found.program;
      } else if (frames !== undefined && /^Rss: +[1-9]/.test(line)) readFrames(pagemap, start, end, frames);
    }
  } finally {
    closeQuietly(pagemap);
  }
  return found;
}

const entries = new DataView(new ArrayBuffer(ENTRIES_AT_ONCE * ENTRY));
const SLICE = 512 * ENTRY;
const NOTHING = Buffer.alloc(SLICE);

function readFrames(pagemap: number, start: number, end: number, frames: Frames): void {
  const bytes = new Uint8Array(entries.buffer);
  for (let at = start; at < end; at += ENTRIES_AT_ONCE * PAGE) {
    const wanted = Math.min(ENTRIES_AT_ONCE, (end - at) / PAGE) * ENTRY;
    const count = pread(pagemap, bytes, 0, wanted, (at / PAGE) * ENTRY);
    // Most of what an engine reserves it never uses.
    for (let slice = 0; slice < count; slice += SLICE) {
      const until = Math.min(slice + SLICE, count);
      if (NOTHING.compare(bytes, slice, until, 0, until - slice) === 0) continue;
      for (let entry = slice; entry < until; entry += ENTRY) {
        const high = entries.getUint32(entry + 4, true);
        if (high < 0x8000_0000) continue;
        const frame = (high & 0x7f_ffff) * 2 ** 32 + entries.getUint32(entry, true);
        if (frame > 0) frames.set((at + (entry / ENTRY) * PAGE) / PAGE, frame);
      }
    }
  }
}
