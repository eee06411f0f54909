import { exitNow, ForkedChild, fork, Loop, lowerPriority } from "@berth/linux";
import type { Container } from "./container.ts";

/** What a shim does to the process that it is, and to the host. A rehearsal, whose process goes on living, does less. */
export interface ShimProcess {
  /** 0: this is the shim. */
  fork(): number;
  loop(): Loop;
  /** Standard streams that it has from the daemon, and lets go. */
  readonly streams: readonly number[];
  /** Has something done by a process that ends then, and gives its answer. */
  aside(work: () => string): ForkedChild;
  /** Nobody waits for it any more. */
  giveWay(): void;
  removeInterfaces(container: Container): void;
  /** It cannot go on. */
  fail(message: string, error: unknown): never;
}

export const OWN_PROCESS: ShimProcess = {
  fork,
  loop: () => new Loop(),
  streams: [0, 1, 2],
  aside: (work) => new ForkedChild(work),
  giveWay: lowerPriority,
  removeInterfaces: (container) => container.removeInterfaces(),
  fail(message, error) {
    process.stderr.write(
      `${message}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    exitNow(1);
  },
};
