import {
  carryOut,
  closeAllBut,
  Errand,
  forkWithSocket,
  type Order,
  receiveOrder,
  type TakeOrder,
  takeOrdersAndEnd,
} from "./errand.ts";
import { isErrno } from "./errno.ts";
import { closeQuietly } from "./io.ts";
import { EPOLL, Loop } from "./loop.ts";
import { recvmsg, sendmsg } from "./message.ts";
import { fork } from "./process.ts";
import { MSG, recv, SOCK, socketpair } from "./socket.ts";

/** One errand as its server sees it. What it was told stays in it, and nothing of it in the process. */
export interface Work {
  /** Whether the order may take long: a process of its own does the rest of the errand then. */
  takesLong(order: Order): boolean;
  readonly take: TakeOrder;
}

export interface ErrandServerOptions {
  /** How many errands it may be asked for: a process that has done many has grown. */
  limit: number;
  /** See `ForkedChild`. */
  unneeded?: readonly number[];
  /** What the child does first. */
  started?: () => void;
}

/**
 * A forked child that does errands for others: after the first one it has its memory, and the interpreter knows its code, so that one
 * costs a fraction of what it costs a process that is forked for it. Orders are carried out one at a time. It ends when nobody can ask
 * it any more and no errand is left. Conditions as for `fork`; its children are not awaited.
 */
export class ErrandServer implements Disposable {
  readonly #asking: number;

  /** Forks it. `begin` makes an errand's work, in the child. */
  constructor(begin: () => Work, { limit, unneeded = [], started = () => {} }: ErrandServerOptions) {
    this.#asking = forkWithSocket(unneeded, (socket) => {
      started();
      serve(socket, limit, begin);
    });
  }

  /** It was not killed, and can be asked. */
  get isThere(): boolean {
    try {
      return recv(this.#asking, new Uint8Array(1), 0, 1, MSG.PEEK | MSG.DONTWAIT) !== 0;
    } catch (error) {
      if (isErrno(error, "ECONNRESET")) return false;
      throw error;
    }
  }

  /** An errand of its own, to be told. Also for forked children of the process that made it. */
  ask(): Errand {
    const [ours, theirs] = socketpair(SOCK.SEQPACKET);
    try {
      sendmsg(this.#asking, NEW_ERRAND, [theirs]);
    } catch {
      // It is not there: what is told finds that out.
    } finally {
      closeQuietly(theirs);
    }
    return new Errand(ours);
  }

  /** This process asks no more. */
  [Symbol.dispose](): void {
    closeQuietly(this.#asking);
  }
}

const NEW_ERRAND = new Uint8Array(1);

function serve(asked: number, limit: number, begin: () => Work): void {
  using loop = new Loop();
  let left = limit;
  /** Descriptors that came with the orders of each, by its socket. */
  const errands = new Map<number, number[]>();
  const end = (socket: number) => {
    loop.remove(socket);
    for (const fd of [socket, ...(errands.get(socket) ?? [])]) closeQuietly(fd);
    errands.delete(socket);
    if (left === 0 && errands.size === 0) loop.stop();
  };
  const welcome = (socket: number) => {
    const received: number[] = [];
    errands.set(socket, received);
    const work = begin();
    loop.add(socket, EPOLL.IN, () => {
      const order = receiveOrder(socket);
      if (order === undefined) return end(socket);
      received.push(...order.descriptors);
      let handedOver = false;
      const take: TakeOrder = (text, descriptors) => {
        if (!work.takesLong(order)) return work.take(text, descriptors);
        handedOver = fork() !== 0;
        if (handedOver) return undefined;
        errands.delete(socket);
        closeAllBut(socket, [
          ...(left > 0 ? [asked] : []),
          ...errands.keys(),
          ...[...errands.values()].flat(),
        ]);
        takeOrdersAndEnd(socket, work.take, order);
      };
      if (carryOut(socket, take, order) || handedOver) end(socket);
    });
  };
  loop.add(asked, EPOLL.IN, () => {
    const received = recvmsg(asked, NEW_ERRAND);
    if (received === undefined) return;
    const [socket] = received.descriptors;
    if (socket !== undefined) welcome(socket);
    left = received.count === 0 ? 0 : left - 1;
    if (left > 0) return;
    loop.remove(asked);
    closeQuietly(asked);
    if (errands.size === 0) loop.stop();
  });
  loop.run();
}
