import { recvmsg } from "@berth/linux";
import type { LaunchMessage } from "@berth/runtime";
import type { CgroupWarmer } from "./cgroup-warmer.ts";
import type { Launched } from "./shim.ts";

/** Bytes of a message at most: it names a folder. */
const MESSAGE_SIZE = 4096;

/** Waits for a launch on the daemon's socket; of what is announced before it, the warmer is told. Undefined: none will come. */
export function awaitLaunch(daemon: number, warmer: Pick<CgroupWarmer, "warm">): Launched | undefined {
  const buffer = new Uint8Array(MESSAGE_SIZE);
  for (;;) {
    const received = recvmsg(daemon, buffer);
    if (received === undefined || received.count === 0) return undefined;
    warmer.warm();
    const { directory } = JSON.parse(
      Buffer.from(buffer.subarray(0, received.count)).toString("utf8"),
    ) as LaunchMessage;
    const [listener, ...ports] = received.descriptors;
    if (directory !== undefined && listener !== undefined) return { directory, listener, ports };
  }
}
