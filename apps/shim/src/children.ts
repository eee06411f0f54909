import {
  closeQuietly,
  EPOLL,
  isErrno,
  type Loop,
  readSignal,
  SIG,
  SIG_BLOCK,
  SIG_UNBLOCK,
  signalfd,
  sigprocmask,
  WNOHANG,
  waitpid,
} from "@berth/linux";

/** Docker's view of how a process ended: its exit code, or 128 and the signal. */
export type ExitCode = number;

/**
 * The children of this process, awaited through SIGCHLD. The shim is a subreaper, so that the container's init and the processes of
 * `exec`, which the OCI runtime leaves behind, become its children. An exit that comes before anyone waits for it is kept.
 */
export class Children implements Disposable {
  readonly #loop: Loop;
  readonly #signals: number;
  readonly #waiting = new Map<number, (code: ExitCode) => void>();
  readonly #early = new Map<number, ExitCode>();
  #expected = 0;

  constructor(loop: Loop) {
    sigprocmask(SIG_BLOCK, [SIG.CHLD]);
    const fd = signalfd([SIG.CHLD]);
    this.#loop = loop;
    this.#signals = fd;
    loop.add(fd, EPOLL.IN, () => {
      while (readSignal(fd) !== undefined);
      this.#reap();
    });
  }

  /** While some process id is about to become known, early exits are kept. Balanced by `settle`. */
  expect(): void {
    this.#expected++;
  }

  settle(): void {
    if (--this.#expected === 0) this.#early.clear();
  }

  onExit(pid: number, listener: (code: ExitCode) => void): void {
    const early = this.#early.get(pid);
    if (early === undefined) {
      this.#waiting.set(pid, listener);
      return;
    }
    this.#early.delete(pid);
    listener(early);
  }

  /** Children are not awaited any more. */
  [Symbol.dispose](): void {
    this.#loop.remove(this.#signals);
    closeQuietly(this.#signals);
    sigprocmask(SIG_UNBLOCK, [SIG.CHLD]);
  }

  #reap(): void {
    for (;;) {
      const child = nextExit();
      if (child === undefined) return;
      const listener = this.#waiting.get(child.pid);
      this.#waiting.delete(child.pid);
      if (listener) listener(child.exitCode);
      else if (this.#expected > 0) this.#early.set(child.pid, child.exitCode);
    }
  }
}

function nextExit(): ReturnType<typeof waitpid> {
  try {
    return waitpid(-1, WNOHANG);
  } catch (error) {
    if (isErrno(error, "ECHILD")) return undefined;
    throw error;
  }
}
