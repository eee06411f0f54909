import { accept4, closeQuietly, EPOLL, type Loop, SOCK, SyscallError, WOULD_BLOCK } from "@berth/linux";

/** Connections that one turn of the loop takes, so that other descriptors get theirs. */
const BURST = 32;
/** Milliseconds to wait when the process may have no more descriptors. */
const PAUSE = 100;

/** Takes connections from a listening socket, which it owns. */
export class StreamListener {
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #accept: (fd: number) => void;
  #open = true;
  #resume: (() => void) | undefined;

  /** `accept` gets each connection, non-blocking, and owns it; it must not throw. The socket must be non-blocking. */
  constructor(loop: Loop, fd: number, accept: (fd: number) => void) {
    this.#loop = loop;
    this.#fd = fd;
    this.#accept = accept;
    loop.add(fd, EPOLL.IN, () => this.#onReadable());
  }

  #onReadable(): void {
    for (let count = 0; count < BURST && this.#open && this.#resume === undefined; count++) {
      let connection: number;
      try {
        connection = accept4(this.#fd, SOCK.NONBLOCK);
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        this.pause(PAUSE);
        return;
      }
      if (connection === WOULD_BLOCK) return;
      this.#accept(connection);
    }
  }

  /** Leaves new connections in the kernel's queue for a while. */
  pause(milliseconds: number): void {
    if (!this.#open || this.#resume !== undefined) return;
    this.#loop.modify(this.#fd, 0);
    this.#resume = this.#loop.timer(milliseconds, () => {
      this.#resume = undefined;
      this.#loop.modify(this.#fd, EPOLL.IN);
    });
  }

  stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#resume?.();
    this.#loop.remove(this.#fd);
    closeQuietly(this.#fd);
  }
}
