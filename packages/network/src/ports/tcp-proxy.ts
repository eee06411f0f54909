import {
  AF,
  closeQuietly,
  connect,
  EPOLL,
  type Loop,
  recv,
  SHUT,
  SOCK,
  SyscallError,
  send,
  shutdown,
  socket,
  socketError,
  WOULD_BLOCK,
} from "@berth/linux";
import { StreamListener } from "../stream/listener.ts";

/** Where connections go: changed when the container's address changes. */
export interface ProxyTarget {
  address: string;
  port: number;
}

/** Connections of one port at a time; further ones wait in the kernel's queue. */
const MAX_CONNECTIONS = 4096;
const FULL_PAUSE = 50;
const CHUNK = 64 * 1024;
const IPPROTO_SCTP = 132;

const chunk = new Uint8Array(CHUNK);

/** Passes the connections of a listening socket on to the container, each end's half-close as well. */
export class StreamProxy {
  readonly #loop: Loop;
  readonly #target: ProxyTarget;
  readonly #protocol: number;
  readonly #listener: StreamListener;
  readonly #relays = new Set<Relay>();

  /** Owns `fd`. */
  constructor(loop: Loop, fd: number, target: ProxyTarget, sctp = false) {
    this.#loop = loop;
    this.#target = target;
    this.#protocol = sctp ? IPPROTO_SCTP : 0;
    this.#listener = new StreamListener(loop, fd, (client) => this.#accept(client));
  }

  get connections(): number {
    return this.#relays.size;
  }

  #accept(client: number): void {
    let server = -1;
    try {
      const six = this.#target.address.includes(":");
      server = socket(six ? AF.INET6 : AF.INET, SOCK.STREAM | SOCK.NONBLOCK, this.#protocol);
      connect(server, { family: six ? "inet6" : "inet", ...this.#target });
      const relay = new Relay(this.#loop, client, server, () => this.#relays.delete(relay));
      this.#relays.add(relay);
      if (this.#relays.size >= MAX_CONNECTIONS) this.#listener.pause(FULL_PAUSE);
    } catch (error) {
      closeQuietly(client);
      if (server >= 0) closeQuietly(server);
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  stop(): void {
    this.#listener.stop();
    for (const relay of this.#relays) relay.close();
  }
}

/** One direction: what was read from `from` and not yet taken by `to`. */
interface Flow {
  from: End;
  to: End;
  pending: Uint8Array;
  /** `from` sends no more. */
  ended: boolean;
  /** `to` knows that. */
  finished: boolean;
}

interface End {
  fd: number;
  connected: boolean;
  events: number;
  /** Closed in both directions: what it sent before can be read, and epoll, which would tell so for ever, has let go of it. */
  hungUp: boolean;
}

const NOTHING = new Uint8Array(0);

/** Two connected sockets. A direction that cannot write is not read: at most one chunk is held for each. */
class Relay {
  readonly #loop: Loop;
  readonly #closed: () => void;
  readonly #flows: [Flow, Flow];
  #open = true;

  constructor(loop: Loop, client: number, server: number, closed: () => void) {
    this.#loop = loop;
    this.#closed = closed;
    const near: End = { fd: client, connected: true, events: 0, hungUp: false };
    const far: End = { fd: server, connected: false, events: EPOLL.OUT, hungUp: false };
    const flow = (from: End, to: End): Flow => ({
      from,
      to,
      pending: NOTHING,
      ended: false,
      finished: false,
    });
    this.#flows = [flow(near, far), flow(far, near)];
    // Nothing is read from the client before the container took the connection.
    loop.add(client, 0, (events) => this.#guard(near, events));
    try {
      loop.add(server, EPOLL.OUT, (events) => this.#guard(far, events));
    } catch (error) {
      loop.remove(client);
      throw error;
    }
  }

  #guard(end: End, events: number): void {
    try {
      this.#onEvent(end, events);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.close();
    }
  }

  #onEvent(end: End, events: number): void {
    if (!end.connected) {
      const problem = socketError(end.fd);
      if (problem !== 0) throw new SyscallError("connect", problem);
      if ((events & EPOLL.OUT) === 0) return;
      end.connected = true;
    } else if ((events & EPOLL.ERR) !== 0) {
      this.close();
      return;
    }
    const [up, down] = this.#flows;
    if ((events & EPOLL.HUP) !== 0) {
      const writes = end === up.to ? up : down;
      if (!writes.finished) {
        this.close();
        return;
      }
      end.hungUp = true;
      this.#loop.remove(end.fd);
    }
    for (const flow of [up, down]) {
      if (flow.to === end && (events & EPOLL.OUT) !== 0) this.#drain(flow);
      if (flow.from === end && (events & (EPOLL.IN | EPOLL.HUP)) !== 0) this.#fill(flow);
    }
    if (up.finished && down.finished) this.close();
    else this.#watch();
  }

  #fill(flow: Flow): void {
    do {
      if (flow.ended || flow.pending.length > 0 || !flow.to.connected) return;
      const count = recv(flow.from.fd, chunk);
      if (count === WOULD_BLOCK) return;
      if (count === 0) {
        flow.ended = true;
        this.#finish(flow);
        return;
      }
      const sent = Math.max(0, send(flow.to.fd, chunk, 0, count));
      if (sent < count) flow.pending = chunk.slice(sent, count);
    } while (flow.from.hungUp);
  }

  #drain(flow: Flow): void {
    if (flow.pending.length > 0) {
      const sent = send(flow.to.fd, flow.pending);
      if (sent > 0) flow.pending = flow.pending.subarray(sent);
    }
    this.#finish(flow);
    if (flow.from.hungUp) this.#fill(flow);
  }

  #finish(flow: Flow): void {
    if (!flow.ended || flow.finished || flow.pending.length > 0) return;
    flow.finished = true;
    shutdown(flow.to.fd, SHUT.WR);
  }

  #watch(): void {
    if (!this.#open) return;
    const [up, down] = this.#flows;
    const wanted = (end: End, reads: Flow, writes: Flow) => {
      if (!end.connected) return EPOLL.OUT;
      const read = !reads.ended && reads.pending.length === 0 && reads.to.connected;
      return (read ? EPOLL.IN : 0) | (writes.pending.length > 0 ? EPOLL.OUT : 0);
    };
    for (const [end, reads, writes] of [
      [up.from, up, down],
      [down.from, down, up],
    ] as const) {
      if (end.hungUp) continue;
      const events = wanted(end, reads, writes);
      if (events === end.events) continue;
      end.events = events;
      this.#loop.modify(end.fd, events);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const { from } of this.#flows) {
      this.#loop.remove(from.fd);
      closeQuietly(from.fd);
    }
    this.#closed();
  }
}
