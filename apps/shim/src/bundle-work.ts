import { existsSync } from "node:fs";
import {
  ErrandServer,
  ignoreSignal,
  type Order,
  SIG,
  setProcessName,
  type TakeOrder,
  type Work,
} from "@berth/linux";
import { NetworkSandbox, type SandboxPlan } from "@berth/network";
import { type BundleFile, type LaunchFile, readLaunch, runtimeFolder } from "@berth/runtime";
import { inMounts } from "./apart.ts";
import { beginBundle, finishBundle, guardRuntime, readBundle } from "./bundle.ts";
import { GIVEN_UP, HOST_NETWORK } from "./bundle-maker.ts";
import { removeLeftovers } from "./leftovers.ts";

/** What a `BundleMaker` asks for. */
export class BundleWork implements Work {
  #files: { launch: LaunchFile; bundle: BundleFile } | undefined;
  #begun: { directory: string; mounts: number } | undefined;

  /** Where somebody else can keep it waiting: a file system of the host's that does not answer, a shim that is still leaving. */
  takesLong({ text }: Order): boolean {
    if (this.#begun !== undefined) return false;
    const { launch, bundle } = this.#read(text);
    if (launch.reachesHost || existsSync(runtimeFolder(launch))) return true;
    return bundle.spec.mounts.some(({ beneath }) => beneath !== undefined);
  }

  readonly take: TakeOrder = (order, descriptors) => {
    const begun = this.#begun;
    if (begun === undefined) {
      const [mounts, hostMounts] = descriptors as [number, number];
      const { launch, bundle } = this.#read(order);
      inMounts(mounts, () => {
        removeLeftovers(launch);
        beginBundle(order, launch, bundle, hostMounts);
      });
      this.#begun = { directory: order, mounts };
      return undefined;
    }
    if (order === GIVEN_UP) return "";
    const { directory, mounts } = begun;
    const { launch, bundle } = this.#read(directory);
    new NetworkSandbox(descriptors[0]).furnish(launch.network as SandboxPlan);
    return inMounts(mounts, () => {
      finishBundle(directory, bundle, order === HOST_NETWORK ? undefined : order);
      return guardRuntime(directory, launch.runtime.path);
    });
  };

  #read(directory: string): { launch: LaunchFile; bundle: BundleFile } {
    this.#files ??= { launch: readLaunch(directory), bundle: readBundle(directory) };
    return this.#files;
  }
}

/** What one process makes before another takes its place: each leaves about 100 kB behind. */
const LIMIT = 32;

/** Makes bundles for all shims, one after the other. `unneeded`: descriptors of this process that it does not keep. */
export function bundleServer(unneeded: readonly number[]): ErrandServer {
  return new ErrandServer(() => new BundleWork(), {
    limit: LIMIT,
    unneeded,
    started() {
      // Those that it forks are reaped by the kernel.
      ignoreSignal(SIG.CHLD);
      setProcessName("berth-bundles");
    },
  });
}
