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
} from "@berth/linux";
import type { LaunchMessage } from "@berth/runtime";
import { CgroupWarmer } from "./cgroup-warmer.ts";
import { shimMain } from "./shim.ts";
import { warmUp } from "./warm-up.ts";

/** Our end of the daemon's socket pair (SOCK_SEQPACKET: one message, one launch). */
const DAEMON = 3;

/**
 * `berth shim-server`: waits for launches on descriptor 3 and forks a shim for each (docs/design/001-processes.md).
 * It ends when the daemon's end is closed. It must stay single-threaded and must never start Bun's event loop.
 */
export function shimServerMain(): never {
  warmUp();
  // Shims are not waited for: the kernel reaps them.
  ignoreSignal(SIG.CHLD);
  allowForkOfJit();
  const warmer = new CgroupWarmer([DAEMON]);
  const message = new Uint8Array(4096);
  for (;;) {
    const received = recvmsg(DAEMON, message);
    if (received === undefined || received.count === 0) exitNow(0);
    const { count, descriptors } = received;
    warmer.warm();
    const { directory } = JSON.parse(
      Buffer.from(message.subarray(0, count)).toString("utf8"),
    ) as LaunchMessage;
    if (directory !== undefined && fork() === 0) {
      defaultSignal(SIG.CHLD);
      close(DAEMON);
      warmer.forget();
      const [listener, ...ports] = descriptors;
      shimMain(directory, listener!, ports);
    }
    for (const fd of descriptors) closeQuietly(fd);
  }
}
