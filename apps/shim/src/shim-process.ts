import { exitNow, ForkedChild, fork, Loop, lowerPriority, type TakeOrder } from "@berth/linux";
import type { Container } from "./container.ts";

export type Aside = Pick<ForkedChild, "descriptor" | "tell" | "answer" | typeof Symbol.dispose>;

/** What a shim does to the process that it is, and to the host. A rehearsal, whose process goes on living, does less. */
export interface ShimProcess {
  /** 0: this is the shim. */
  fork(): number;
  loop(): Loop;
  /** Standard streams that it has from the daemon, and lets go. */
  readonly streams: readonly number[];
  /** A process that does what it is told, gives its answer, and ends. `unneeded`: see `ForkedChild`. */
  aside(take: TakeOrder, unneeded: readonly number[]): Aside;
  /** In the server: a shim waits for its launch, and there is nothing else to do. */
  idle(): void;
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
  aside: (take, unneeded) => new ForkedChild(take, unneeded),
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
