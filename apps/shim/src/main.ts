import {
  allowForkOfJit,
  close,
  closeQuietly,
  defaultSignal,
  exitNow,
  fork,
  ignoreSignal,
  recvmsg,
  SIG,
  waitReadable,
} from "@berth/linux";
import { HIDE_UNIFIED_CGROUP } from "@berth/runtime";
import { CgroupWarmer } from "./cgroup-warmer.ts";
import { type Launched, shimMain } from "./shim.ts";
import { LAUNCH_MESSAGE_SIZE, readLaunchMessage, Spare } from "./spare.ts";
import { warmUp } from "./warm-up.ts";

/** Our end of the daemon's socket pair (SOCK_SEQPACKET: one message, one launch). */
const DAEMON = 3;
/** How long a shim waits for a launch that was announced. */
const SPARE_PATIENCE_MS = 5000;

/**
 * `berth shim-server [--hide-unified-cgroup]`: waits for launches on descriptor 3 and forks a shim for each
 * (docs/design/001-processes.md). It ends when the daemon's end is closed. It must stay single-threaded and must never start
 * Bun's event loop.
 */
export function shimServerMain(argv: readonly string[]): never {
  const hideUnifiedCgroup = argv.includes(HIDE_UNIFIED_CGROUP);
  warmUp();
  // Shims are not waited for: the kernel reaps them.
  ignoreSignal(SIG.CHLD);
  allowForkOfJit();
  const warmer = new CgroupWarmer([DAEMON]);
  const becomeShim = (take: () => Launched): never => {
    defaultSignal(SIG.CHLD);
    close(DAEMON);
    warmer.forget();
    return shimMain(hideUnifiedCgroup, take);
  };
  const spare = new Spare(becomeShim);
  const buffer = new Uint8Array(LAUNCH_MESSAGE_SIZE);
  for (;;) {
    // A copy of the host's mounts is not held without need.
    if (spare.waits && !waitReadable(DAEMON, SPARE_PATIENCE_MS)) spare.forget();
    const received = recvmsg(DAEMON, buffer);
    if (received === undefined || received.count === 0) exitNow(0);
    const { count, descriptors } = received;
    warmer.warm();
    const message = buffer.subarray(0, count);
    const launch = readLaunchMessage(message, descriptors);
    if (launch === "exec-announced") continue;
    if (launch === "announced") spare.ensure();
    else if (!spare.hand(message, descriptors) && fork() === 0) {
      spare[Symbol.dispose]();
      becomeShim(() => launch);
    }
    for (const fd of descriptors) closeQuietly(fd);
  }
}
