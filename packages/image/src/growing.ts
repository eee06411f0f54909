import { close, closeQuietly, isErrno, lseek, pipe2, SEEK, setNonBlocking, write } from "@berth/linux";
import type { GrowingBlob } from "./jobs.ts";

/** Bytes that a worker is told of at once, at the least. */
const STEP = 128 * 1024;
/** Milliseconds until it is tried again to tell a worker that has much to do. */
const BUSY = 20;
const WATCH = 150;

/**
 * Runs a job that reads a blob while it comes. `run` gets the descriptor by which the job is told how far it is, and a signal
 * that ends it when nothing more comes.
 */
export async function followed<T>(
  growing: GrowingBlob,
  signal: AbortSignal,
  run: (follow: number, stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const pipe = pipe2();
  setNonBlocking(pipe.write, true);
  const failed = new AbortController();
  let result: Promise<T>;
  try {
    result = run(pipe.read, AbortSignal.any([signal, failed.signal]));
  } finally {
    close(pipe.read);
  }
  let over = false;
  const ended = result.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  let failure: { error: unknown } | undefined;
  const telling = tell(growing, pipe.write, () => over, ended).catch((error: unknown) => {
    failure = { error };
    failed.abort();
  });
  await telling.finally(() => closeQuietly(pipe.write));
  try {
    return await result;
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
}

async function tell(
  growing: GrowingBlob,
  fd: number,
  isOver: () => boolean,
  ended: Promise<void>,
): Promise<void> {
  let told = 0;
  while (told < growing.size && !isOver()) {
    const least = Math.min(growing.size - 1, told + STEP);
    const there = await Promise.race([growing.prefix(least), ended]);
    if (there === undefined) return;
    while (!send(fd, there) && !isOver()) await Promise.race([Bun.sleep(BUSY), ended]);
    told = there;
  }
  await Promise.race([growing.below, ended]);
}

/** False when the pipe is full; true also when nobody reads it any more. */
function send(fd: number, value: number): boolean {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  try {
    write(fd, bytes);
    return true;
  } catch (error) {
    if (isErrno(error, "EAGAIN")) return false;
    if (isErrno(error, "EPIPE")) return true;
    throw error;
  }
}

/** Tells how far a process that was given the descriptor `fd` has read: both share its position. */
export function watchPosition(fd: number, told: ((bytes: number) => void) | undefined): Disposable {
  if (told === undefined) return { [Symbol.dispose]() {} };
  let last = 0;
  const timer = setInterval(() => {
    const position = lseek(fd, 0, SEEK.CUR);
    if (position > last) told(position);
    last = position;
  }, WATCH);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}
