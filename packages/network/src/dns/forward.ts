import {
  AF,
  closeQuietly,
  connect,
  EPOLL,
  type Loop,
  recv,
  SOCK,
  SyscallError,
  send,
  socket,
  socketError,
  WOULD_BLOCK,
} from "@berth/linux";
import { parseAddress } from "../address/ip.ts";
import { matchResponse, type Query, RCODE, setId } from "./message.ts";
import { random16 } from "./random.ts";

/** Most queries that wait for upstream servers at a time; more are refused. */
const MAX_OUTSTANDING = 1024;
/** Patience with one server, in milliseconds. Two servers fit within what clients wait. */
const PATIENCE = { udp: 2000, tcp: 4000 };
const ROUNDS = 2;
const MAX_MESSAGE = 65_535;

export interface Upstream {
  /** IPv4 or IPv6 address. */
  address: string;
  port: number;
  /** Opens its sockets in the namespace from which it is asked. */
  open: <T>(action: () => T) => T;
}

/** The response as it came, with the client's id; undefined when no server gave one. */
export type ForwardCallback = (response: Uint8Array | undefined) => void;

/** Asks upstream servers: each query over a socket of its own, connected, with a random id, so that answers are hard to forge. */
export class Forwarder {
  readonly #loop: Loop;
  readonly #running = new Set<Attempt>();
  upstreams: readonly Upstream[];

  readonly #patience: { udp: number; tcp: number };

  constructor(loop: Loop, upstreams: readonly Upstream[], patience = PATIENCE) {
    this.#loop = loop;
    this.upstreams = upstreams;
    this.#patience = patience;
  }

  /** Sends a message that holds `query` on; calls back once, maybe before it returns. */
  forward(message: Uint8Array, query: Query, tcp: boolean, done: ForwardCallback): void {
    if (this.upstreams.length === 0 || this.#running.size >= MAX_OUTSTANDING) {
      done(undefined);
      return;
    }
    // The message lies in a buffer that the next query will use.
    const copy = message.slice();
    const question = query.question.slice();
    const servers = this.upstreams;
    const left = servers.length * (tcp ? 1 : ROUNDS);
    const patience = tcp ? this.#patience.tcp : this.#patience.udp;
    this.#attempt({ copy, question, id: query.id, tcp, patience, servers, done }, 0, left, undefined);
  }

  #attempt(task: Task, index: number, left: number, refusal: Uint8Array | undefined): void {
    const server = task.servers[index % task.servers.length];
    if (left === 0 || server === undefined) {
      task.done(refusal);
      return;
    }
    const attempt = new Attempt(this.#loop, server, task, (response, rcode) => {
      this.#running.delete(attempt);
      if (response !== undefined && !isRefusal(rcode)) {
        setId(response, task.id);
        task.done(response);
        return;
      }
      if (response !== undefined) setId(response, task.id);
      this.#attempt(task, index + 1, left - 1, response ?? refusal);
    });
    this.#running.add(attempt);
    attempt.start();
  }

  /** Gives up everything that runs, without calling back. */
  stop(): void {
    for (const attempt of this.#running) attempt.close();
    this.#running.clear();
  }
}

/** Another server may know better. */
function isRefusal(rcode: number): boolean {
  return rcode === RCODE.SERVFAIL || rcode === RCODE.REFUSED || rcode === RCODE.NOTIMP;
}

interface Task {
  copy: Uint8Array;
  question: Uint8Array;
  id: number;
  tcp: boolean;
  patience: number;
  servers: readonly Upstream[];
  done: ForwardCallback;
}

const receiveBuffer = new Uint8Array(MAX_MESSAGE);

/** One query to one server. */
class Attempt {
  readonly #loop: Loop;
  readonly #server: Upstream;
  readonly #task: Task;
  readonly #finish: (response: Uint8Array | undefined, rcode: number) => void;
  readonly #id = random16();
  #fd = -1;
  #cancel: (() => void) | undefined;
  /** TCP: what is to be sent, what came. */
  #out: Uint8Array;
  #sent = 0;
  #in = new Uint8Array(0);

  constructor(
    loop: Loop,
    server: Upstream,
    task: Task,
    finish: (response: Uint8Array | undefined, rcode: number) => void,
  ) {
    this.#loop = loop;
    this.#server = server;
    this.#task = task;
    this.#finish = finish;
    const { copy, tcp } = task;
    this.#out = new Uint8Array(copy.length + (tcp ? 2 : 0));
    this.#out.set(copy, tcp ? 2 : 0);
    setId(tcp ? this.#out.subarray(2) : this.#out, this.#id);
    if (tcp) setId(this.#out, copy.length);
  }

  start(): void {
    const { tcp, patience } = this.#task;
    this.#cancel = this.#loop.timer(patience, () => this.#end(undefined, 0));
    try {
      this.#open(tcp);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      // Not within the caller's call: it may be looping over servers.
      this.#cancel();
      this.#cancel = this.#loop.timer(0, () => this.#end(undefined, 0));
    }
  }

  #open(tcp: boolean): void {
    const { address, port } = this.#server;
    const six = parseAddress(address)?.family === 6;
    const type = (tcp ? SOCK.STREAM : SOCK.DGRAM) | SOCK.NONBLOCK;
    this.#fd = this.#server.open(() => socket(six ? AF.INET6 : AF.INET, type));
    connect(this.#fd, { family: six ? "inet6" : "inet", address, port });
    if (!tcp) send(this.#fd, this.#out);
    this.#loop.add(this.#fd, tcp ? EPOLL.OUT : EPOLL.IN, (events) => {
      try {
        if (tcp) this.#onTcp(events);
        else this.#onUdp();
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        this.#end(undefined, 0);
      }
    });
  }

  #onUdp(): void {
    // An error that was sent back (nobody listens there) is thrown here.
    const count = recv(this.#fd, receiveBuffer);
    if (count === WOULD_BLOCK) return;
    this.#accept(receiveBuffer.subarray(0, count));
  }

  #onTcp(events: number): void {
    if (this.#sent < this.#out.length) {
      const problem = socketError(this.#fd);
      if (problem !== 0) throw new SyscallError("connect", problem);
      if ((events & EPOLL.OUT) === 0) return;
      const count = send(this.#fd, this.#out, this.#sent);
      if (count > 0) this.#sent += count;
      if (this.#sent === this.#out.length) this.#loop.modify(this.#fd, EPOLL.IN);
      return;
    }
    const count = recv(this.#fd, receiveBuffer);
    if (count === WOULD_BLOCK) return;
    if (count === 0) {
      this.#end(undefined, 0);
      return;
    }
    const joined = new Uint8Array(this.#in.length + count);
    joined.set(this.#in);
    joined.set(receiveBuffer.subarray(0, count), this.#in.length);
    this.#in = joined;
    if (joined.length < 2) return;
    const size = ((joined[0] ?? 0) << 8) | (joined[1] ?? 0);
    if (joined.length >= 2 + size) {
      if (!this.#accept(joined.subarray(2, 2 + size))) this.#end(undefined, 0);
    }
  }

  /** False for what is not the answer. */
  #accept(response: Uint8Array): boolean {
    const rcode = matchResponse(response, this.#id, this.#task.question);
    if (rcode === undefined) return false;
    this.#end(response.slice(), rcode);
    return true;
  }

  #end(response: Uint8Array | undefined, rcode: number): void {
    this.close();
    this.#finish(response, rcode);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#fd < 0) return;
    this.#loop.remove(this.#fd);
    closeQuietly(this.#fd);
    this.#fd = -1;
  }
}
