import { close, closeQuietly, defaultSignal, ignoreSignal, recvmsg, SIG, waitReadable } from "@berth/linux";
import type { CgroupWarmer } from "./cgroup-warmer.ts";
import { type Launched, shimMain } from "./shim.ts";
import type { ShimProcess } from "./shim-process.ts";
import { LAUNCH_MESSAGE_SIZE, readLaunchMessage, Spare } from "./spare.ts";

/** How long a shim waits for a launch that was announced. */
const SPARE_PATIENCE_MS = 5000;

/**
 * Forks a shim for each launch that comes over `daemon` (SOCK_SEQPACKET: one message, one launch). Returns when the other end is
 * closed, and in a shim's process when `own` lets it.
 */
export function serve(
  daemon: number,
  warmer: Pick<CgroupWarmer, "warm" | "descriptor">,
  hideUnifiedCgroup: boolean,
  own: ShimProcess,
): void {
  // Shims are not waited for: the kernel reaps them.
  ignoreSignal(SIG.CHLD);
  let isShim = false;
  const becomeShim = (take: () => Launched | undefined): void => {
    isShim = true;
    defaultSignal(SIG.CHLD);
    close(daemon);
    closeQuietly(warmer.descriptor);
    shimMain(hideUnifiedCgroup, take, own);
  };
  using spare = new Spare(own.fork, becomeShim);
  const buffer = new Uint8Array(LAUNCH_MESSAGE_SIZE);
  while (!isShim) {
    // A copy of the host's mounts is not held without need.
    if (spare.waits && !waitReadable(daemon, SPARE_PATIENCE_MS)) spare.forget();
    const received = recvmsg(daemon, buffer);
    if (received === undefined || received.count === 0) return;
    const { count, descriptors } = received;
    warmer.warm();
    const message = buffer.subarray(0, count);
    const launch = readLaunchMessage(message, descriptors);
    if (launch === "exec-announced") continue;
    if (launch === "announced") spare.ensure();
    else if (!spare.hand(message, descriptors) && own.fork() === 0) {
      spare[Symbol.dispose]();
      becomeShim(() => launch);
    }
    for (const fd of descriptors) closeQuietly(fd);
  }
}
