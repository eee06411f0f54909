import { Errno, SyscallError } from "../errno.ts";
import { closeQuietly } from "../io.ts";
import { AF } from "../sockaddr.ts";
import { MSG, recvfrom, SO, SOCK, SOL, sendto, setsockopt, socket } from "../socket.ts";
import {
  type Message,
  MessageWriter,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readMessages,
  readOutcome,
} from "./message.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const SO_RCVTIMEO = 20;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** Larger than what the kernel puts into one datagram of a dump (32 KiB). */
const RECEIVE_SIZE = 64 * 1024;
/** One for all sockets: calls are synchronous, and what is kept of a datagram is copied. */
let receiveBuffer: Uint8Array | undefined;

/** The kernel refused a message of a batch. `syscall` says what was tried, `explanation` why, when the kernel said so. */
export class NetlinkError extends SyscallError {
  readonly explanation: string | undefined;

  constructor(what: string, number: number, explanation?: string) {
    super(what, number);
    this.name = "NetlinkError";
    this.explanation = explanation;
    if (explanation !== undefined) this.message += ` (${explanation})`;
  }
}

/** Messages that are sent together. The kernel works through them in order and goes on after one that fails. */
export class NetlinkBatch {
  readonly writer = new MessageWriter();
  /** By sequence number: what the message does, for the error. */
  readonly purposes = new Map<number, string>();
  /** Sequence numbers whose outcome ends the wait. */
  readonly awaited = new Set<number>();
  /** Sequence number of the frame around a transaction: its failure is the failure of all. */
  frame = -1;
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  /**
   * Begins a message; the caller writes its payload. `flags` besides NLM_F_REQUEST: the outcome is waited for when they hold
   * NLM_F_ACK or ask for a dump.
   */
  begin(type: number, flags: number, purpose: string): MessageWriter {
    const sequence = this.#next();
    this.purposes.set(sequence, purpose);
    if ((flags & NLM_F_ACK) !== 0 || (flags & NLM_F_DUMP) === NLM_F_DUMP) this.awaited.add(sequence);
    return this.writer.begin(type, flags | NLM_F_REQUEST, sequence);
  }
}

/** A netlink socket of the network namespace in which it was opened. Synchronous. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  #sequence = 0;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** @throws SyscallError */
  static open(protocol: number): NetlinkSocket {
    const fd = socket(AF.NETLINK, SOCK.RAW, protocol);
    try {
      // Older kernels lack some of these; all of them only make answers shorter or clearer.
      optional(fd, NETLINK_CAP_ACK);
      optional(fd, NETLINK_EXT_ACK);
      if (protocol === NETLINK_ROUTE) optional(fd, NETLINK_GET_STRICT_CHK);
      setsockopt(fd, SOL.SOCKET, SO.RCVBUF, 1024 * 1024);
      // The kernel answers within the send; the limit only keeps a lost answer from hanging the process.
      setsockopt(fd, SOL.SOCKET, SO_RCVTIMEO, new Uint8Array(new BigInt64Array([10n, 0n]).buffer));
    } catch (error) {
      closeQuietly(fd);
      throw error;
    }
    return new NetlinkSocket(fd);
  }

  batch(): NetlinkBatch {
    return new NetlinkBatch(() => {
      this.#sequence = (this.#sequence + 1) >>> 0 || 1;
      return this.#sequence;
    });
  }

  /**
   * Sends the batch in one datagram, waits for its outcomes and gives the messages that answered requests (copies).
   * @throws NetlinkError for the first message that failed, after all were worked through.
   */
  run(batch: NetlinkBatch): Message[] {
    const data = batch.writer.finish();
    if (data.length === 0) return [];
    sendto(this.fd, data, 0, data.length, 0, { family: "netlink", port: 0, groups: 0 });
    const awaited = new Set(batch.awaited);
    const answers: Message[] = [];
    let failure: NetlinkError | undefined;
    while (awaited.size > 0) {
      for (const message of readMessages(this.#receive())) {
        const purpose = batch.purposes.get(message.sequence);
        // What is left of an earlier batch that failed.
        if (purpose === undefined) continue;
        if (message.type === NLMSG_ERROR) {
          const outcome = readOutcome(message);
          if (outcome.errno !== 0) {
            failure ??= new NetlinkError(purpose, outcome.errno, outcome.explanation);
            if (message.sequence === batch.frame) awaited.clear();
          }
          awaited.delete(message.sequence);
        } else if (message.type === NLMSG_DONE) {
          const outcome = readOutcome(message);
          if (outcome.errno > 0) failure ??= new NetlinkError(purpose, outcome.errno);
          awaited.delete(message.sequence);
        } else {
          answers.push({ ...message, payload: message.payload.slice() });
        }
      }
    }
    if (failure !== undefined) throw failure;
    return answers;
  }

  /** One datagram from the kernel. */
  #receive(): Uint8Array {
    receiveBuffer ??= new Uint8Array(RECEIVE_SIZE);
    for (;;) {
      const datagram = recvfrom(this.fd, receiveBuffer, 0, RECEIVE_SIZE, MSG.TRUNC);
      if (datagram === undefined) throw new SyscallError("recvfrom netlink", Errno.ETIMEDOUT);
      // Only the kernel has port 0.
      if (datagram.from.family !== "netlink" || datagram.from.port !== 0) continue;
      if (datagram.count > RECEIVE_SIZE) throw new SyscallError("recvfrom netlink", Errno.EPROTO);
      return receiveBuffer.subarray(0, datagram.count);
    }
  }

  [Symbol.dispose](): void {
    closeQuietly(this.fd);
  }
}

function optional(fd: number, option: number): void {
  try {
    setsockopt(fd, SOL.NETLINK, option, 1);
  } catch {
    // Not known to this kernel.
  }
}
