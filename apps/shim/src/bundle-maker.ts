import { quietly } from "@berth/base";
import { CLONE, getpid, setns, type TakeOrder } from "@berth/linux";
import { NetworkSandbox, type SandboxPlan } from "@berth/network";
import { type BundleFile, type LaunchFile, readLaunch } from "@berth/runtime";
import { beginBundle, finishBundle, guardRuntime } from "./bundle.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Aside } from "./shim-process.ts";

/**
 * What a shim has its bundle made by, in a process aside that was forked before anything was known of the container: most of the
 * work of a start, and of the memory for it, is needed only once. The network's namespace comes while the root filesystem is
 * mounted.
 */
export class BundleMaker {
  readonly #fork: () => Aside;
  #aside: Aside;

  constructor(fork: (take: TakeOrder) => Aside) {
    this.#fork = () => fork(takeOrders());
    this.#aside = this.#fork();
  }

  /** Readable when `answer` need not wait. */
  get descriptor(): number {
    return this.#aside.descriptor;
  }

  /** The shim's folder, and descriptors of its mount namespace and the host's. They stay the caller's. */
  begin(directory: string, mounts: number, hostMounts: number): void {
    if (this.#aside.tell(directory, [mounts, hostMounts])) return;
    // It was killed while it waited.
    this.#aside[Symbol.dispose]();
    this.#aside = this.#fork();
    this.#aside.tell(directory, [mounts, hostMounts]);
  }

  /** Descriptor of the container's network namespace, to be furnished; the OCI runtime finds it here. Undefined: the host's. */
  finish(namespace: number | undefined): void {
    if (namespace === undefined) this.#aside.tell(HOST_NETWORK);
    else this.#aside.tell(`/proc/${getpid()}/fd/${namespace}`, [namespace]);
  }

  /** The OCI runtime's program, when all is made. @throws ForkedError what failed; mounts may be left */
  answer(): string {
    return this.#aside.answer();
  }

  /** Nothing of it is wanted any more. Returns when it is at nothing. */
  giveUp(): void {
    quietly(() => {
      this.#aside.tell(GIVEN_UP);
      this.answer();
    });
  }

  /** Before `begin`: it is not needed. */
  [Symbol.dispose](): void {
    this.#aside[Symbol.dispose]();
  }
}

/** In the place of a path. */
const HOST_NETWORK = "host";
const GIVEN_UP = "given up";

function takeOrders(): TakeOrder {
  let begun: { directory: string; launch: LaunchFile; bundle: BundleFile } | undefined;
  return (order, descriptors) => {
    if (begun === undefined) {
      const [mounts, hostMounts] = descriptors as [number, number];
      setns(mounts, CLONE.NEWNS);
      const launch = readLaunch(order);
      removeLeftovers(launch);
      begun = { directory: order, launch, bundle: beginBundle(order, launch, hostMounts) };
      return undefined;
    }
    if (order === GIVEN_UP) return "";
    const { directory, launch, bundle } = begun;
    new NetworkSandbox(descriptors[0]).furnish(launch.network as SandboxPlan);
    finishBundle(directory, bundle, order === HOST_NETWORK ? undefined : order);
    return guardRuntime(directory, launch.runtime.path);
  };
}
