import { type Errand, exitNow, ForkedChild, fork, Loop, lowerPriority } from "@berth/linux";
import { BundleWork } from "./bundle-work.ts";
import type { Container } from "./container.ts";

/** What a shim does to the process that it is, and to the host. A rehearsal, whose process goes on living, does less. */
export interface ShimProcess {
  /** 0: this is the shim. */
  fork(): number;
  loop(): Loop;
  /** Standard streams that it has from the daemon, and lets go. */
  readonly streams: readonly number[];
  /** Somebody who makes its bundle (`BundleWork`); called once, ahead. */
  bundler(): Errand;
  /** The same in a process of its own. `unneeded`: see `ForkedChild`. */
  ownBundler(unneeded: readonly number[]): Errand;
  /** In the server, before a shim is forked: whom it needs is there. */
  renew(): void;
  /** In the server: a shim waits for its launch, and there is nothing else to do. */
  idle(): void;
  /** Nobody waits for it any more. */
  giveWay(): void;
  removeInterfaces(container: Container): void;
  /** It cannot go on. */
  fail(message: string, error: unknown): never;
}

export const OWN_PROCESS: Omit<ShimProcess, "bundler"> = {
  fork,
  loop: () => new Loop(),
  streams: [0, 1, 2],
  ownBundler: (unneeded) => new ForkedChild(new BundleWork().take, unneeded),
  renew: () => {},
  idle: () => {},
  giveWay: lowerPriority,
  removeInterfaces: (container) => container.removeInterfaces(),
  fail(message, error) {
    process.stderr.write(
      `${message}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    exitNow(1);
  },
};
