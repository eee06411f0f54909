import { messageOf } from "@berth/base";
import { isErrno } from "./errno.ts";
import { closeQuietly } from "./io.ts";
import { type ReceivedMessage, recvmsg, sendmsg } from "./message.ts";
import { exitNow, fork } from "./process.ts";
import { SOCK, socketpair } from "./socket.ts";

/** What another process is told to do: a text, and descriptors that are its own until the errand ends. */
export interface Order {
  text: string;
  descriptors: readonly number[];
}

/** Does what it is told. The answer, which ends the errand, or undefined when more is to come. What it throws is an answer too. */
export type TakeOrder = (order: string, descriptors: readonly number[]) => string | undefined;

/** One thing that another process does for this one: told in one order or several, answered once. */
export class Errand implements Disposable {
  /** Readable when the answer is there, or the other process was killed. */
  readonly descriptor: number;
  #closed = false;

  /** `descriptor`: a socket (SOCK_SEQPACKET) at whose other end orders are taken; owned from now on. */
  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** `order`: not empty. The sender keeps its descriptors. False: nobody takes it; `answer` tells why. */
  tell(order: string, descriptors: readonly number[] = []): boolean {
    try {
      return sendmsg(this.descriptor, Buffer.from(order), descriptors) > 0;
    } catch (error) {
      if (!isErrno(error, "EPIPE", "ECONNRESET")) throw error;
      return false;
    }
  }

  /** Waits for the answer, and closes the descriptor. @throws ErrandError */
  answer(): string {
    try {
      const answer = receiveOrder(this.descriptor)?.text ?? "";
      if (answer.startsWith(RETURNED)) return answer.slice(RETURNED.length);
      throw new ErrandError(
        answer.startsWith(THREW) ? answer.slice(THREW.length) : "the process that did it was killed",
      );
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Nothing more is asked: the other process ends it when it has done what it was told. */
  [Symbol.dispose](): void {
    if (!this.#closed) closeQuietly(this.descriptor);
    this.#closed = true;
  }
}

/** What another process did has failed. */
export class ErrandError extends Error {
  override readonly name = "ErrandError";
}

/**
 * A forked child that does one thing and gives a text. The kernel gives all memory that it touches back, so a process that lives
 * long can have a lot done once and stay small. It is forked ahead: what it is to do it is told. The child shares namespaces with
 * this process as long as neither leaves them, and nothing else that it does is seen here. Conditions as for `fork`. The caller
 * awaits its children; one may still be ending when its answer is there.
 */
export class ForkedChild extends Errand {
  /** Forks it. `take` is called in the child. `unneeded`: descriptors that the child must not keep. */
  constructor(take: TakeOrder, unneeded: readonly number[] = []) {
    super(forkWithSocket(unneeded, (socket) => takeOrdersAndEnd(socket, take)));
  }
}

/**
 * Forks a child with a socket to it, for orders. `run` is called in the child with its end; when it returns or throws, the child ends.
 * `unneeded`: descriptors that the child must not keep. @returns our end
 */
export function forkWithSocket(unneeded: readonly number[], run: (socket: number) => void): number {
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
    try {
      closeAllBut(theirs, [ours, ...unneeded]);
      run(theirs);
    } finally {
      exitNow(0);
    }
  }
  closeQuietly(theirs);
  return ours;
}

/** In a forked child. One that is closed already may have given its number to `kept`. */
export function closeAllBut(kept: number, descriptors: Iterable<number>): void {
  for (const fd of descriptors) if (fd !== kept) closeQuietly(fd);
}

/** Does one errand, in a process that is there for that. `first`: an order that was received before. */
export function takeOrdersAndEnd(socket: number, take: TakeOrder, first?: Order): never {
  try {
    for (let order = first ?? receiveOrder(socket); order !== undefined; order = receiveOrder(socket)) {
      // The end is told, because taking this process' memory apart takes a millisecond.
      if (carryOut(socket, take, order)) break;
    }
  } finally {
    exitNow(0);
  }
}

/** True: that was the last order of the errand, and its answer is sent. */
export function carryOut(socket: number, take: TakeOrder, order: Order): boolean {
  let answer: string | undefined;
  try {
    const given = take(order.text, order.descriptors);
    if (given !== undefined) answer = `${RETURNED}${given}`;
  } catch (error) {
    answer = `${THREW}${messageOf(error)}`;
  }
  if (answer === undefined) return false;
  try {
    sendmsg(socket, Buffer.from(answer));
  } catch (error) {
    // Nobody waits for it any more.
    if (!isErrno(error, "EPIPE", "ECONNRESET")) throw error;
  }
  return true;
}

/** One message. Undefined: the other end is closed. */
export function receiveOrder(socket: number): Order | undefined {
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
/** As long as an order and an answer at most: paths and sentences. */
const buffer = new Uint8Array(8192);
