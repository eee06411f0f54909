import {
  AF,
  closeQuietly,
  connect,
  EPOLL,
  enablePacketInfo,
  isErrno,
  type Loop,
  receiveDatagram,
  recv,
  SOCK,
  type SocketAddress,
  SyscallError,
  send,
  sendDatagram,
  socket,
  WOULD_BLOCK,
} from "@berth/linux";
import type { ProxyTarget } from "./tcp-proxy.ts";

/** Clients of one port; the one that was silent for longest makes room. */
const MAX_CLIENTS = 1024;
/** Milliseconds after which a silent client is forgotten. */
const SILENCE = 90_000;
const SWEEP = 15_000;
const BURST = 64;

const datagram = new Uint8Array(65_535);

interface Client {
  fd: number;
  address: SocketAddress;
  /** The address of ours that it talks to. */
  local: string | undefined;
  lastSeen: number;
}

/** Passes the datagrams of a bound socket on to the container, with a socket of its own for each client. */
export class DatagramProxy {
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #target: ProxyTarget;
  readonly #silence: number;
  readonly #sweep: number;
  /** In the order in which they were last heard, the longest silent first. */
  readonly #clients = new Map<string, Client>();
  #cancelSweep: (() => void) | undefined;

  /** Owns `fd`. `silence`, `sweep`: milliseconds. */
  constructor(loop: Loop, fd: number, family: 4 | 6, target: ProxyTarget, silence = SILENCE, sweep = SWEEP) {
    this.#loop = loop;
    this.#fd = fd;
    this.#target = target;
    this.#silence = silence;
    this.#sweep = sweep;
    enablePacketInfo(fd, family);
    loop.add(fd, EPOLL.IN, () => this.#fromClients());
  }

  get clients(): number {
    return this.#clients.size;
  }

  #fromClients(): void {
    for (let count = 0; count < BURST; count++) {
      try {
        const received = receiveDatagram(this.#fd, datagram);
        if (received === undefined) return;
        const client = this.#client(received.from, received.to);
        if (client !== undefined) send(client.fd, datagram, 0, received.count);
      } catch (error) {
        // Errors are of one datagram: the container does not listen, or is gone. It is lost, as datagrams may be.
        if (!(error instanceof SyscallError)) throw error;
      }
    }
  }

  #client(address: SocketAddress, local: string | undefined): Client | undefined {
    if (address.family !== "inet" && address.family !== "inet6") return undefined;
    const key = `${address.address} ${address.port} ${local ?? ""}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      if (this.#clients.size >= MAX_CLIENTS) this.#forgetOldest();
      client = this.#open(key, address, local);
    } else this.#clients.delete(key);
    client.lastSeen = performance.now();
    this.#clients.set(key, client);
    this.#cancelSweep ??= this.#loop.timer(this.#sweep, () => this.#forgetSilent());
    return client;
  }

  #open(key: string, address: SocketAddress, local: string | undefined): Client {
    const six = this.#target.address.includes(":");
    const fd = socket(six ? AF.INET6 : AF.INET, SOCK.DGRAM | SOCK.NONBLOCK);
    try {
      connect(fd, { family: six ? "inet6" : "inet", ...this.#target });
      this.#loop.add(fd, EPOLL.IN, () => this.#fromContainer(key));
    } catch (error) {
      closeQuietly(fd);
      throw error;
    }
    return { fd, address, local, lastSeen: 0 };
  }

  #fromContainer(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    for (let count = 0; count < BURST; count++) {
      try {
        const length = recv(client.fd, datagram);
        if (length === WOULD_BLOCK) return;
        client.lastSeen = performance.now();
        sendDatagram(this.#fd, datagram, length, client.address, client.local);
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        // Nobody listens in the container: that was said once, and is over.
        if (!isErrno(error, "ECONNREFUSED")) return;
      }
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forgetSilent(): void {
    this.#cancelSweep = undefined;
    const limit = performance.now() - this.#silence;
    for (const [key, client] of this.#clients) if (client.lastSeen <= limit) this.#forget(key);
    if (this.#clients.size > 0) this.#cancelSweep = this.#loop.timer(this.#sweep, () => this.#forgetSilent());
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    this.#clients.delete(key);
    this.#loop.remove(client.fd);
    closeQuietly(client.fd);
  }

  /** Clients that come or come back go to where the target points now. */
  reset(): void {
    for (const key of [...this.#clients.keys()]) this.#forget(key);
  }

  stop(): void {
    this.#cancelSweep?.();
    this.reset();
    this.#loop.remove(this.#fd);
    closeQuietly(this.#fd);
  }
}
