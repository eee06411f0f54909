import { checked, Errno, failure } from "./errno.ts";
import { close } from "./io.ts";
import { errno, libc, Memory } from "./libc.ts";

/** Events of epoll(7). `ERR` and `HUP` come without being asked for. */
export const EPOLL = { IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 0x10, RDHUP: 0x2000, ET: 0x8000_0000 } as const;

export type FdCallback = (events: number, fd: number) => void;

interface Watch {
  generation: number;
  callback: FdCallback;
}

interface Timer {
  deadline: number;
  callback: () => void;
}

const CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
const CLOEXEC = 0o2000000;
/** struct epoll_event is packed on x86-64 only. */
const DATA = process.arch === "x64" ? 4 : 8;
const SIZE = DATA + 8;
const BATCH = 64;
const LONGEST_WAIT = 0x7fff_ffff;

/**
 * A synchronous event loop over epoll, for processes that have no other: the shims. When nothing happens it sleeps in
 * epoll_wait, without a wake-up, and a turn allocates nothing. An exception of a callback leaves `run`.
 */
export class Loop implements Disposable {
  readonly #epoll: number;
  readonly #events = new Memory(SIZE * BATCH);
  readonly #request = new Memory(SIZE);
  /** By descriptor. */
  readonly #watches: (Watch | undefined)[] = [];
  /** Soonest last. */
  readonly #timers: Timer[] = [];
  #generation = 0;
  #stopped = false;

  constructor() {
    this.#epoll = checked(libc().epoll_create1(CLOEXEC), "epoll_create");
  }

  /** Calls back while the descriptor has one of `events` (level-triggered). @throws SyscallError EEXIST, EPERM for a file */
  add(fd: number, events: number, callback: FdCallback): void {
    const generation = (this.#generation + 1) >>> 0;
    this.#control(CTL.ADD, fd, events, generation);
    this.#generation = generation;
    this.#watches[fd] = { generation, callback };
  }

  /** Other events for the same callback; 0 to pause. */
  modify(fd: number, events: number): void {
    const watch = this.#watches[fd];
    if (watch === undefined) throw new RangeError(`descriptor ${fd} is not watched`);
    this.#control(CTL.MOD, fd, events, watch.generation);
  }

  /** Ends watching; call it before the descriptor is closed. Nothing happens when it was not watched. */
  remove(fd: number): void {
    if (this.#watches[fd] === undefined) return;
    this.#watches[fd] = undefined;
    if (libc().epoll_ctl(this.#epoll, CTL.DEL, fd, this.#request.address) < 0) {
      const code = errno();
      if (code !== Errno.EBADF && code !== Errno.ENOENT) throw failure("epoll_ctl");
    }
  }

  watches(fd: number): boolean {
    return this.#watches[fd] !== undefined;
  }

  /** Calls back once after `milliseconds`. The function that it gives cancels. */
  timer(milliseconds: number, callback: () => void): () => void {
    const timer: Timer = { deadline: performance.now() + Math.max(0, milliseconds), callback };
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1] as Timer).deadline <= timer.deadline) at--;
    this.#timers.splice(at, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Runs until `stop`. */
  run(): void {
    this.#stopped = false;
    while (!this.#stopped) this.turn(-1);
  }

  /** Lets `run` return after the current callback. */
  stop(): void {
    this.#stopped = true;
  }

  /** One wait of at most `longest` milliseconds (-1: any), and the callbacks of what happened. */
  turn(longest: number): void {
    const count = libc().epoll_wait(this.#epoll, this.#events.address, BATCH, this.#patience(longest));
    if (count < 0) {
      if (errno() !== Errno.EINTR) throw failure("epoll_wait");
      return;
    }
    for (let index = 0; index < count; index++) {
      const at = index * SIZE;
      const fd = this.#events.getU32(at + DATA);
      const watch = this.#watches[fd];
      // An earlier callback of this turn may have removed it, and a new descriptor may have its number.
      if (watch === undefined || watch.generation !== this.#events.getU32(at + DATA + 4)) continue;
      watch.callback(this.#events.getU32(at), fd);
      if (this.#stopped) return;
    }
    this.#fire();
  }

  #patience(longest: number): number {
    const next = this.#timers.at(-1);
    if (next === undefined) return longest;
    const left = Math.min(LONGEST_WAIT, Math.max(0, Math.ceil(next.deadline - performance.now())));
    return longest < 0 ? left : Math.min(longest, left);
  }

  #fire(): void {
    if (this.#timers.length === 0) return;
    // Those that callbacks add for "now" wait for the next turn, so that descriptors get theirs.
    const now = performance.now();
    for (;;) {
      const next = this.#timers.at(-1);
      if (next === undefined || next.deadline > now || this.#stopped) return;
      this.#timers.pop();
      next.callback();
    }
  }

  #control(operation: number, fd: number, events: number, generation: number): void {
    this.#request.setU32(0, events);
    this.#request.setU32(DATA, fd);
    this.#request.setU32(DATA + 4, generation);
    checked(libc().epoll_ctl(this.#epoll, operation, fd, this.#request.address), "epoll_ctl");
  }

  /** Frees the epoll descriptor; watched descriptors stay open. */
  [Symbol.dispose](): void {
    close(this.#epoll);
  }
}
