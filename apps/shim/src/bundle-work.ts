import { existsSync } from "node:fs";
import { ErrandServer, ignoreSignal, type Order, SIG, setProcessName, type Work } from "@berth/linux";
import { NetworkSandbox, type SandboxPlan } from "@berth/network";
import { type BundleFile, type LaunchFile, readLaunch, runtimeFolder } from "@berth/runtime";
import { inMounts } from "./apart.ts";
import { beginBundle, finishBundle, guardRuntime, readBundle } from "./bundle.ts";
import { GIVEN_UP, HOST_NETWORK } from "./bundle-maker.ts";
import { removeLeftovers } from "./leftovers.ts";

/** What a `BundleMaker` asks for. */
export class BundleWork implements Work {
  #begun: { directory: string; mounts: number; launch: LaunchFile; bundle: BundleFile } | undefined;

  /** Where somebody else can keep it waiting: a file system of the host's that does not answer, a shim that is still leaving. */
  takesLong({ text }: Order): boolean {
    if (this.#begun !== undefined) return false;
    const launch = readLaunch(text);
    if (launch.reachesHost || existsSync(runtimeFolder(launch))) return true;
    return readBundle(text).spec.mounts.some(({ beneath }) => beneath !== undefined);
  }

  take(order: string, descriptors: readonly number[]): string | undefined {
    const begun = this.#begun;
    if (begun === undefined) {
      const [mounts, hostMounts] = descriptors as [number, number];
      this.#begun = inMounts(mounts, () => {
        const launch = readLaunch(order);
        removeLeftovers(launch);
        return { directory: order, mounts, launch, bundle: beginBundle(order, launch, hostMounts) };
      });
      return undefined;
    }
    if (order === GIVEN_UP) return "";
    const { directory, mounts, launch, bundle } = begun;
    new NetworkSandbox(descriptors[0]).furnish(launch.network as SandboxPlan);
    return inMounts(mounts, () => {
      finishBundle(directory, bundle, order === HOST_NETWORK ? undefined : order);
      return guardRuntime(directory, launch.runtime.path);
    });
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
