import { log, messageOf } from "@berth/base";
import type { PartialBlob } from "@berth/content";
import type { BlobName, OpenedBlob, Repository } from "../client.ts";
import { ConnectionError } from "../errors.ts";
import { mayPass, Postponed, pauseBefore, wait } from "../http/retry.ts";
import type { Slots } from "./slots.ts";

/** A larger blob is fetched in parts of this size, as many at once as there are free slots. */
export const PART = 16 << 20;
/** Bytes that are collected before they are written: one call for many pieces. */
const WRITE = 1 << 20;
/** Bytes after which the pieces that came are collected: left to itself the runtime lets hundreds of megabytes of them lie. */
const COLLECT = 8 << 20;
/** Writes of one part on their way to the disk. */
const IN_FLIGHT = 3;

export interface DownloadOptions {
  slots: Slots;
  /** Attempts for each part that fail one after the other without a byte. */
  attempts: number;
  signal: AbortSignal;
  /** The blob has more bytes from its beginning, or more at all. */
  onProgress: () => void;
  /** The next attempt is so many seconds away. */
  onRetry?: (seconds: number, error: unknown) => void;
}

/**
 * Fetches what is missing of a blob. Parts go to their places in the file as they come, in any order, but those at the
 * beginning are asked for first. What came stays, whatever happens. Nothing is verified here.
 */
export async function download(
  repository: Repository,
  blob: BlobName,
  partial: PartialBlob,
  options: DownloadOptions,
): Promise<void> {
  // A failure of one part ends the others.
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const state: State = { ranged: undefined, known: Promise.withResolvers<void>() };
  const queue = new Queue(partial, blob.size);
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const start = (part: Part, slot: Disposable) => {
    const work = fetchPart(repository, blob, partial, part, slot, state, { ...options, signal })
      .catch((error: unknown) => {
        failure ??= { error };
        stop.abort(error);
      })
      .finally(() => running.delete(work));
    running.add(work);
  };
  try {
    while (!queue.empty && failure === undefined) {
      // The first part waits for its turn; more are fetched beside it when nobody else wants to.
      if (running.size > 0 && (!options.slots.free || state.ranged !== true)) {
        await Promise.race(state.ranged === undefined ? [...running, state.known.promise] : running);
        continue;
      }
      const slot = await options.slots.take(signal).catch((error: unknown) => {
        if (failure === undefined) throw error;
        return undefined;
      });
      if (slot === undefined) break;
      const part = state.ranged === false ? whole(partial, queue) : queue.take();
      if (part === undefined) {
        slot[Symbol.dispose]();
        break;
      }
      start(part, slot);
    }
    await Promise.all(running);
  } finally {
    stop.abort();
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
  options.signal.throwIfAborted();
  if (!partial.complete) throw new ConnectionError(`content ${blob.digest} is not complete`, "", true);
}

interface State {
  /** Whether the registry gives parts of a blob; undefined until it has answered. */
  ranged: boolean | undefined;
  known: PromiseWithResolvers<void>;
}

interface Part {
  from: number;
  to: number;
}

/**
 * What is missing, in pieces of at most PART bytes, or all of it for a small blob. One after the other: the size is what a
 * manifest says, and may be absurd.
 */
class Queue {
  readonly #parts: Iterator<Part>;
  #next: Part | undefined;

  constructor(partial: PartialBlob, size: number) {
    this.#parts = parts(partial.ranges(), size);
    this.take();
  }

  get empty(): boolean {
    return this.#next === undefined;
  }

  take(): Part | undefined {
    const taken = this.#next;
    const { done, value } = this.#parts.next();
    this.#next = done ? undefined : value;
    return taken;
  }

  clear(): void {
    this.#parts.return?.();
    this.#next = undefined;
  }
}

function* parts(there: ReturnType<PartialBlob["ranges"]>, size: number): Generator<Part> {
  let at = 0;
  for (const [from, to] of [...there, [size, size] as const]) {
    if (from - at <= 2 * PART) {
      if (from > at) yield { from: at, to: from };
    } else {
      for (let start = at; start < from; start += PART)
        yield { from: start, to: Math.min(from, start + PART) };
    }
    at = to;
  }
}

/** A registry without ranges gives everything at once: what is queued becomes one part. */
function whole(partial: PartialBlob, queue: Queue): Part | undefined {
  queue.clear();
  return partial.complete ? undefined : { from: partial.prefix, to: partial.size };
}

async function fetchPart(
  repository: Repository,
  blob: BlobName,
  partial: PartialBlob,
  part: Part,
  firstSlot: Disposable,
  state: State,
  options: DownloadOptions,
): Promise<void> {
  const { signal } = options;
  let slot: Disposable | undefined = firstSlot;
  let at = part.from;
  try {
    for (let attempt = 1; at < part.to; attempt++) {
      const before = at;
      try {
        slot ??= await options.slots.take(signal);
        const end = part.to === blob.size ? undefined : part.to;
        const opened = await repository.openBlob(
          blob,
          { offset: at, once: true, ...(end !== undefined && { end }) },
          signal,
        );
        const asked = at > 0 || end !== undefined;
        if (asked) {
          state.ranged = opened.ranged;
          state.known.resolve();
        }
        if (opened.size !== undefined && opened.size !== blob.size) {
          await opened.body.cancel();
          throw new ConnectionError(
            `content ${blob.digest} has ${opened.size} bytes in the registry, its manifest says ${blob.size}`,
            "",
            false,
          );
        }
        // A whole blob that came instead of a part is taken whole.
        const to = opened.ranged ? part.to : blob.size;
        await receive(opened, partial, at, to, signal, (position) => {
          at = Math.max(at, position);
          options.onProgress();
        });
        if (at < to) throw new ConnectionError(`content ${blob.digest} ends after ${at} bytes`, "", true);
        if (!opened.ranged) return;
      } catch (error) {
        signal.throwIfAborted();
        if (at > before) attempt = 0;
        const pause =
          attempt >= options.attempts || !mayPass(error) ? undefined : pauseBefore(attempt + 1, error);
        if (pause === undefined) throw error instanceof Postponed ? error.failure : error;
        // Others may use the connection meanwhile.
        slot?.[Symbol.dispose]();
        slot = undefined;
        log.debug("a download goes on", { digest: blob.digest, at, error: messageOf(error) });
        options.onRetry?.(Math.ceil(pause / 1000), error);
        await wait(pause, signal);
      }
    }
  } finally {
    slot?.[Symbol.dispose]();
  }
}

let uncollected = 0;

/** Writes what comes to its place. `from`, `to`: what is wanted of it. */
async function receive(
  opened: OpenedBlob,
  partial: PartialBlob,
  from: number,
  to: number,
  signal: AbortSignal,
  arrived: (position: number) => void,
): Promise<void> {
  let position = opened.offset;
  let pieces: Uint8Array[] = [];
  let start = Math.max(position, from);
  let size = 0;
  let failure: { error: unknown } | undefined;
  const writes: Promise<void>[] = [];
  const flush = () => {
    if (size === 0) return;
    const [at, end, chunk] = [start, start + size, pieces];
    uncollected += size;
    if (uncollected >= COLLECT) {
      uncollected = 0;
      Bun.gc(false);
    }
    pieces = [];
    start = end;
    size = 0;
    // In order, so that `arrived` never says more than there is.
    const before = writes.at(-1) ?? Promise.resolve();
    const write = Promise.all([partial.write(at, chunk), before]).then(
      () => {
        arrived(end);
      },
      (error: unknown) => {
        failure ??= { error };
      },
    );
    writes.push(write);
  };
  try {
    for await (const piece of opened.body) {
      signal.throwIfAborted();
      const skip = Math.max(0, from - position);
      const take = Math.min(piece.length, to - position);
      position += piece.length;
      if (take <= skip) {
        if (position >= to) break;
        continue;
      }
      const wanted = skip === 0 && take === piece.length ? piece : piece.subarray(skip, take);
      pieces.push(wanted);
      size += wanted.length;
      if (size >= WRITE) flush();
      while (writes.length >= IN_FLIGHT) await writes.shift();
      if (failure !== undefined) throw failure.error;
      if (position > to) throw new ConnectionError("the registry sent more than the blob has", "", false);
      if (position === to) break;
    }
  } finally {
    flush();
    await Promise.all(writes);
  }
  if (failure !== undefined) throw failure.error;
}
