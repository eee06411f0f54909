import { closeQuietly, EPOLL, type Loop, recv, SyscallError, send, WOULD_BLOCK } from "@berth/linux";
import { StreamListener } from "../stream/listener.ts";

const MAX_CONNECTIONS = 64;
/** Milliseconds without a whole query after which a connection is closed. */
const IDLE = 10_000;
const MAX_MESSAGE = 65_535;
/** Queries of one connection that wait for answers, and bytes that wait for the client to read. */
const MAX_WAITING = 16;
const MAX_BACKLOG = 4 * MAX_MESSAGE;

type Handler = (message: Uint8Array, reply: (response: Uint8Array) => void) => void;

const receiveBuffer = new Uint8Array(16 * 1024);

/** DNS over TCP (RFC 7766): messages with a length of two bytes before them, many on one connection. */
export class DnsTcpListener {
  readonly #listener: StreamListener;
  readonly #connections = new Set<Connection>();

  constructor(loop: Loop, fd: number, handle: Handler) {
    this.#listener = new StreamListener(loop, fd, (client) => {
      if (this.#connections.size >= MAX_CONNECTIONS) {
        closeQuietly(client);
        return;
      }
      const connection = new Connection(loop, client, handle, () => this.#connections.delete(connection));
      this.#connections.add(connection);
    });
  }

  stop(): void {
    this.#listener.stop();
    for (const connection of this.#connections) connection.close();
  }
}

class Connection {
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #handle: Handler;
  readonly #closed: () => void;
  #open = true;
  #ended = false;
  #waiting = 0;
  #working = false;
  #in = new Uint8Array(0);
  #out = new Uint8Array(0);
  #events: number = EPOLL.IN;
  #cancel: () => void;

  constructor(loop: Loop, fd: number, handle: Handler, closed: () => void) {
    this.#loop = loop;
    this.#fd = fd;
    this.#handle = handle;
    this.#closed = closed;
    this.#cancel = loop.timer(IDLE, () => this.close());
    loop.add(fd, EPOLL.IN, (events) => this.#guard(() => this.#onEvent(events)));
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.close();
    }
  }

  #onEvent(events: number): void {
    // These come without being asked for, again and again.
    if ((events & (EPOLL.ERR | EPOLL.HUP)) !== 0) {
      this.close();
      return;
    }
    if (this.#out.length > 0) this.#flush();
    if (!this.#open || (this.#events & EPOLL.IN) === 0) return;
    const count = recv(this.#fd, receiveBuffer);
    if (count === WOULD_BLOCK) return;
    if (count === 0) {
      this.#ended = true;
      this.#settle();
      return;
    }
    this.#in = join(this.#in, receiveBuffer.subarray(0, count));
    this.#work();
  }

  /** Handles the whole messages that came, as far as the limits let it. */
  #work(): void {
    // Answers from the zones come while the loop runs.
    if (this.#working) return;
    this.#working = true;
    while (
      this.#open &&
      this.#in.length >= 2 &&
      this.#waiting < MAX_WAITING &&
      this.#out.length < MAX_BACKLOG
    ) {
      const size = ((this.#in[0] ?? 0) << 8) | (this.#in[1] ?? 0);
      if (this.#in.length < 2 + size) break;
      const message = this.#in.slice(2, 2 + size);
      this.#in = this.#in.slice(2 + size);
      this.#restartIdle();
      this.#waiting++;
      let replied = false;
      this.#handle(message, (response) => {
        if (replied || !this.#open) return;
        replied = true;
        this.#waiting--;
        this.#guard(() => this.#reply(response));
      });
    }
    this.#working = false;
    this.#settle();
  }

  #reply(response: Uint8Array): void {
    const framed = new Uint8Array(2 + response.length);
    framed[0] = response.length >>> 8;
    framed[1] = response.length & 0xff;
    framed.set(response, 2);
    this.#out = join(this.#out, framed);
    this.#flush();
    if (this.#open) this.#work();
  }

  #flush(): void {
    const count = send(this.#fd, this.#out);
    if (count > 0) this.#out = this.#out.slice(count);
    this.#settle();
  }

  /** Watches for what can happen next; closes when nothing can. */
  #settle(): void {
    if (!this.#open) return;
    if (this.#ended && this.#waiting === 0 && this.#out.length === 0) {
      this.close();
      return;
    }
    const full = this.#waiting >= MAX_WAITING || this.#out.length >= MAX_BACKLOG;
    const events = (this.#ended || full ? 0 : EPOLL.IN) | (this.#out.length > 0 ? EPOLL.OUT : 0);
    if (events === this.#events) return;
    this.#events = events;
    this.#loop.modify(this.#fd, events);
  }

  #restartIdle(): void {
    this.#cancel();
    this.#cancel = this.#loop.timer(IDLE, () => this.close());
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancel();
    this.#loop.remove(this.#fd);
    closeQuietly(this.#fd);
    this.#closed();
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
