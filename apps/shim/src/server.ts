import {
  close,
  closeQuietly,
  defaultSignal,
  ignoreSignal,
  MSG,
  pipe2,
  read,
  recv,
  SIG,
  setProcessName,
  waitReadable,
} from "@berth/linux";
import type { CgroupWarmer } from "./cgroup-warmer.ts";
import { awaitLaunch } from "./launch-message.ts";
import { shimMain } from "./shim.ts";
import type { ShimProcess } from "./shim-process.ts";

/** With no message for so long, what was launched is under way: making the next shim is in nobody's way. */
const CALM_MS = 250;

/**
 * Keeps one shim ahead: forked, in its place in the kernel, and waiting for the next launch on `daemon` (SOCK_SEQPACKET: one message,
 * one launch), which it takes itself. Returns when the other end is closed, and in a shim's process when `own` lets it.
 */
export function serve(
  daemon: number,
  warmer: Pick<CgroupWarmer, "warm" | "descriptor">,
  hideUnifiedCgroup: boolean,
  own: ShimProcess,
): void {
  // Shims are not waited for: the kernel reaps them.
  ignoreSignal(SIG.CHLD);
  for (let first = true; first || !isClosed(daemon); first = false) {
    own.renew();
    // The shim's end closes with the launch that it takes, or with it.
    const taken = pipe2();
    if (own.fork() === 0) {
      close(taken.read);
      defaultSignal(SIG.CHLD);
      setProcessName("berth-spare");
      const take = () => {
        const launch = awaitLaunch(daemon, warmer);
        close(taken.write);
        close(daemon);
        closeQuietly(warmer.descriptor);
        return launch;
      };
      shimMain(hideUnifiedCgroup, { take, descriptors: [taken.write, daemon, warmer.descriptor] }, own);
      return;
    }
    close(taken.write);
    if (!waitReadable(taken.read, CALM_MS)) own.idle();
    read(taken.read, new Uint8Array(1));
    close(taken.read);
    waitReadable(daemon, CALM_MS);
  }
}

/** And all that came over it was taken. */
function isClosed(socket: number): boolean {
  return recv(socket, new Uint8Array(1), 0, 1, MSG.PEEK | MSG.DONTWAIT) === 0;
}
