import { watch } from "node:fs";
import { type LogFormat, LogFormatter, normalStamp } from "./formatter.ts";
import { CHUNK, closeAll, inodeAt, type LogFile, openLogFiles } from "./log-files.ts";
import { findTail } from "./tail.ts";

export interface ReadLogOptions extends LogFormat {
  /** The last so many records; absent: all. Records that `since` or the streams leave out count, as with Docker. */
  tail?: number;
  /** Present: goes on until `ended` resolves, then reads what is left. Absent: what is there now. */
  follow?: { ended: Promise<unknown> };
  signal?: AbortSignal;
}

/** How long a follower waits at most before it looks by itself: the kernel's notice may be lost when a file is replaced. */
const LOOK_AGAIN = 1000;

/**
 * Reads a json-file log, rotated files included, as the bytes of Docker's log stream.
 * A log that does not exist is empty: the container never ran.
 */
export async function* readJsonLog(path: string, options: ReadLogOptions): AsyncGenerator<Uint8Array> {
  const formatter = new LogFormatter(options);
  const files = await openLogFiles(path);
  try {
    let current: LogFile | undefined;
    let position = 0;
    for (const part of await findTail(files, options.tail)) {
      formatter.startFile();
      formatter.skip(part.skip);
      position = part.offset;
      current = part.file;
      // What is written meanwhile is for followers only: `tail` promises a number of records.
      const end = options.follow === undefined ? part.end : undefined;
      for await (const chunk of part.file.chunks(part.offset, end)) {
        position += chunk.length;
        formatter.push(chunk);
        const output = formatter.take();
        if (output) yield output;
        if (formatter.finished || options.signal?.aborted) return;
      }
    }
    if (options.follow === undefined) return;
    if (current?.compressed) current = undefined;
    yield* follow(path, formatter, { file: current, position }, options.follow.ended, options.signal, files);
  } finally {
    await closeAll(files);
  }
}

interface Place {
  /** Undefined: no file has been read yet, or the last one was compressed. */
  file: LogFile | undefined;
  position: number;
}

async function* follow(
  path: string,
  formatter: LogFormatter,
  place: Place,
  ended: Promise<unknown>,
  signal: AbortSignal | undefined,
  /** Closed by the caller; holds the current file only, so that rotated ones give their room back. */
  files: LogFile[],
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK);
  let { file, position } = place;
  const keepOnly = async (current: LogFile | undefined): Promise<void> => {
    const others = files.filter((one) => one !== current);
    files.splice(0, files.length, ...(current === undefined ? [] : [current]));
    await closeAll(others);
  };
  await keepOnly(file);
  let over = false;
  using notice = new Notice(path, signal);
  void ended.then(() => {
    over = true;
    notice.wake();
  });
  for (;;) {
    if (signal?.aborted) return;
    const last = over;
    notice.reset();
    for (;;) {
      const count = file === undefined ? 0 : await file.read(buffer, position);
      if (count === 0) {
        const next = await successors(path, file, formatter.lastTime);
        // What was written between the last read and the rotation.
        if (next.length > 0 && file !== undefined) {
          for (
            let more = await file.read(buffer, position);
            more > 0;
            more = await file.read(buffer, position)
          ) {
            position += more;
            formatter.push(buffer.subarray(0, more));
          }
        }
        files.push(...next);
        for (const [index, successor] of next.entries()) {
          formatter.startFile();
          if (index < next.length - 1) for await (const chunk of successor.chunks()) formatter.push(chunk);
          else {
            file = successor;
            position = 0;
          }
        }
        if (next.length > 0) await keepOnly(file);
        const output = formatter.take();
        if (output) yield output;
        if (next.length === 0) break;
        continue;
      }
      position += count;
      formatter.push(buffer.subarray(0, count));
      const output = formatter.take();
      if (output) yield output;
      if (formatter.finished || signal?.aborted) return;
    }
    if (formatter.finished || last) return;
    await notice.wait();
  }
}

/**
 * Files that came after `file`, oldest first, opened; empty when `file` is still the current one. `file` is held open, so no other
 * file has its inode; times tell apart only what has been compressed, because many records may have the same one.
 */
async function successors(path: string, file: LogFile | undefined, lastTime: string): Promise<LogFile[]> {
  const current = await inodeAt(path);
  if (current === undefined || current === file?.inode) return [];
  return await openLogFiles(
    path,
    async (opened, newer) =>
      opened.inode === file?.inode || (newer.length > 0 && (await wasRead(opened, file, lastTime))),
  );
}

/** True when this older file is what `file` became, or was read before it. */
async function wasRead(opened: LogFile, file: LogFile | undefined, lastTime: string): Promise<boolean> {
  if (file !== undefined && !opened.compressed) return false;
  const first = await firstTime(opened);
  // An empty file has just been begun.
  if (first === "") return false;
  return first <= (file === undefined ? normalStamp(lastTime) : await firstTime(file));
}

/** Time of the first record, comparable as text; empty when there is none. */
async function firstTime(file: LogFile): Promise<string> {
  const probe = new LogFormatter({
    stdout: true,
    stderr: true,
    multiplexed: false,
    timestamps: true,
    details: false,
  });
  for await (const chunk of file.chunks()) {
    const end = chunk.indexOf(0x0a);
    probe.push(end < 0 ? chunk : chunk.subarray(0, end + 1));
    if (end >= 0) break;
  }
  return probe.lastTime === "" ? "" : normalStamp(probe.lastTime);
}

/** Wakes a follower when the log's file changes, is replaced, or appears. */
class Notice implements Disposable {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.wake();
  #watcher: { close(): void } | undefined;
  #woken = false;
  #resolve: (() => void) | undefined;

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
    this.#watch();
  }

  reset(): void {
    this.#woken = false;
  }

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  async wait(): Promise<void> {
    if (this.#woken || this.#signal?.aborted) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      timer = setTimeout(resolve, LOOK_AGAIN);
    });
    clearTimeout(timer);
    this.#resolve = undefined;
    if (this.#watcher === undefined) this.#watch();
  }

  #watch(): void {
    try {
      const watcher = watch(this.#path, (event) => {
        // Renamed away: the next file needs a watch of its own.
        if (event === "rename" && this.#watcher === watcher) {
          watcher.close();
          this.#watcher = undefined;
          this.#watch();
        }
        this.wake();
      });
      this.#watcher = watcher;
    } catch {
      // Not there yet; tried again after the wait.
      this.#watcher = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#watcher?.close();
  }
}
