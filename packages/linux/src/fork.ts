import { messageOf } from "@berth/base";
import { AT, O } from "./constants.ts";
import { checked, isErrno } from "./errno.ts";
import { openat } from "./fs.ts";
import { closeQuietly, readToEnd } from "./io.ts";
import { libc } from "./libc.ts";
import { type ReceivedMessage, recvmsg, sendmsg } from "./message.ts";
import { exitNow, fork } from "./process.ts";
import { SOCK, socketpair } from "./socket.ts";
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

/** What a forked child is told to do: a text, and descriptors that are its own. The answer, or undefined when more is to come. */
export type TakeOrder = (order: string, descriptors: readonly number[]) => string | undefined;

/**
 * A forked child that does one thing and gives a text. The kernel gives all memory that it touches back, so a process that lives
 * long can have a lot done once and stay small. It is forked ahead: what it is to do it is told, in one order or several. The child
 * shares namespaces with this process as long as neither leaves them, and nothing else that it does is seen here. Conditions as for
 * `fork`. The caller awaits its children.
 */
export class ForkedChild implements Disposable {
  /** Readable when the child has its answer, or was killed. */
  readonly descriptor: number;
  #closed = false;

  /**
   * Forks it. `take` is called in the child for each order until it answers; the message of what it throws is an error. `unneeded`:
   * descriptors that the child must not keep. `ahead`: what it does before it waits for the first order.
   */
  constructor(take: TakeOrder, unneeded: readonly number[] = [], ahead = () => {}) {
    const [ours, theirs] = socketpair(SOCK.SEQPACKET);
    let child: number;
    try {
      child = fork();
    } catch (error) {
      closeQuietly(ours);
      closeQuietly(theirs);
      throw error;
    }
    if (child === 0) {
      // One that is closed already may have given its number to the socket.
      for (const fd of [ours, ...unneeded]) if (fd !== theirs) closeQuietly(fd);
      ahead();
      answerAndEnd(theirs, take);
    }
    closeQuietly(theirs);
    this.descriptor = ours;
  }

  /** `order`: not empty. The sender keeps its descriptors. False: the child has ended; `answer` tells why. */
  tell(order: string, descriptors: readonly number[] = []): boolean {
    try {
      return sendmsg(this.descriptor, Buffer.from(order), descriptors) > 0;
    } catch (error) {
      if (!isErrno(error, "EPIPE", "ECONNRESET")) throw error;
      return false;
    }
  }

  /** Waits for the answer, and closes the descriptor. The child may still be ending then. @throws ForkedError */
  answer(): string {
    try {
      const answer = receive(this.descriptor)?.text ?? "";
      if (answer.startsWith(RETURNED)) return answer.slice(RETURNED.length);
      throw new ForkedError(
        answer.startsWith(THREW) ? answer.slice(THREW.length) : "a forked child was killed",
      );
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Nothing more is asked of it: it ends when it has done what it was told. */
  [Symbol.dispose](): void {
    if (!this.#closed) closeQuietly(this.descriptor);
    this.#closed = true;
  }
}

function answerAndEnd(socket: number, take: TakeOrder): never {
  try {
    for (;;) {
      const order = receive(socket);
      if (order === undefined) break;
      let answer: string | undefined;
      try {
        const given = take(order.text, order.descriptors);
        if (given !== undefined) answer = `${RETURNED}${given}`;
      } catch (error) {
        answer = `${THREW}${messageOf(error)}`;
      }
      if (answer === undefined) continue;
      // The end is told, because taking this process' memory apart takes a millisecond.
      sendmsg(socket, Buffer.from(answer));
      break;
    }
  } finally {
    exitNow(0);
  }
}

/** One message. Undefined: the other end is closed. */
function receive(socket: number): { text: string; descriptors: readonly number[] } | undefined {
  const buffer = new Uint8Array(MESSAGE_SIZE);
  let received: ReceivedMessage | undefined;
  try {
    received = recvmsg(socket, buffer);
  } catch (error) {
    // The other end was closed and had not taken all that was sent to it: what it had sent is there all the same.
    if (!isErrno(error, "ECONNRESET")) throw error;
    received = recvmsg(socket, buffer);
  }
  if (received === undefined || received.count === 0) return undefined;
  return {
    text: Buffer.from(buffer.subarray(0, received.count)).toString("utf8"),
    descriptors: received.descriptors,
  };
}

const RETURNED = "+";
const THREW = "-";
/** Bytes of an order and of an answer at most: paths and sentences. */
const MESSAGE_SIZE = 8192;

/** What a `ForkedChild` did has failed. */
export class ForkedError extends Error {
  override readonly name = "ForkedError";
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
