import {
  closeQuietly,
  MSG,
  O,
  open,
  recvmsg,
  SOCK,
  sendmsg,
  setProcessName,
  socketpair,
  waitFor,
} from "@berth/linux";
import type { LaunchMessage } from "@berth/runtime";
import type { Launched } from "./shim.ts";

/** What a mount table's descriptor reports when the table has changed since it was last asked (proc_pid_mounts(5)). */
const POLLPRI = 2;
/** Bytes of a launch message at most: it names a folder. */
export const LAUNCH_MESSAGE_SIZE = 4096;

/**
 * A shim that is forked, and takes its place in the kernel, while the launch that it will be for is still being prepared. There
 * is one at most; in a burst the launches after the first get a shim that is forked for them.
 */
export class Spare implements Disposable {
  /** Takes the launch. -1: there is none. */
  #socket = -1;
  #mountTable: number;
  readonly #fork: () => number;
  readonly #become: (take: () => Launched | undefined) => void;

  /** `become`: what the forked child is from then on; `take` waits for its launch. Undefined: none will come. */
  constructor(fork: () => number, become: (take: () => Launched | undefined) => void) {
    this.#fork = fork;
    this.#become = become;
    this.#mountTable = open("/proc/self/mountinfo", O.RDONLY | O.CLOEXEC);
  }

  get waits(): boolean {
    return this.#socket >= 0;
  }

  /** Forks it unless there is one. In the child: runs `become`. */
  ensure(): void {
    if (this.waits && !this.#mountsChanged()) return;
    this.forget();
    // What changed until now the child will have.
    this.#mountsChanged();
    const [ours, theirs] = socketpair(SOCK.SEQPACKET);
    if (this.#fork() === 0) {
      closeQuietly(ours);
      this[Symbol.dispose]();
      setProcessName("berth-spare");
      this.#become(() => takeLaunch(theirs));
      return;
    }
    closeQuietly(theirs);
    this.#socket = ours;
  }

  /** Gives it a launch. False: there is none, or its mount namespace has not what was mounted on the host since. */
  hand(message: Uint8Array, descriptors: readonly number[]): boolean {
    if (!this.waits) return false;
    try {
      return !this.#mountsChanged() && sendmsg(this.#socket, message, descriptors, MSG.DONTWAIT) > 0;
    } catch {
      return false;
    } finally {
      this.forget();
    }
  }

  /** Lets it go; without a launch it ends. */
  forget(): void {
    closeQuietly(this.#socket);
    this.#socket = -1;
  }

  /** Since it was last asked. */
  #mountsChanged(): boolean {
    return waitFor(this.#mountTable, POLLPRI, 0) !== 0;
  }

  /** In a forked child that is no part of it. */
  [Symbol.dispose](): void {
    this.forget();
    closeQuietly(this.#mountTable);
    this.#mountTable = -1;
  }
}

/** What the daemon says: a launch, or that one, or an exec, will come soon. */
export function readLaunchMessage(
  message: Uint8Array,
  descriptors: readonly number[],
): Launched | "announced" | "exec-announced" {
  const { directory, soon } = JSON.parse(Buffer.from(message).toString("utf8")) as LaunchMessage;
  const [listener, ...ports] = descriptors;
  if (directory !== undefined && listener !== undefined) return { directory, listener, ports };
  return soon === "exec" ? "exec-announced" : "announced";
}

/** In the spare: waits for its launch. Undefined: none will come. */
function takeLaunch(socket: number): Launched | undefined {
  const buffer = new Uint8Array(LAUNCH_MESSAGE_SIZE);
  const received = recvmsg(socket, buffer);
  closeQuietly(socket);
  const launch =
    received !== undefined &&
    received.count > 0 &&
    readLaunchMessage(buffer.subarray(0, received.count), received.descriptors);
  return typeof launch === "object" ? launch : undefined;
}
