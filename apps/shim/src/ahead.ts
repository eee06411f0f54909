import { type ErrandServer, PageList } from "@berth/linux";
import { bundleServer } from "./bundle-work.ts";
import { OWN_PROCESS, type ShimProcess } from "./shim-process.ts";
import { rehearseWatched } from "./warm-up.ts";

/**
 * Shims that have the memory that they will need before they need it, and somebody who has made bundles before. What memory that is
 * becomes known when the server is idle for the first time. `unneeded`: descriptors of the server that only shims keep.
 */
export function forkedAhead(hideUnifiedCgroup: boolean, unneeded: readonly number[]): ShimProcess {
  let bundles: ErrandServer | undefined;
  let pages: PageList | undefined;
  return {
    ...OWN_PROCESS,
    renew() {
      if (bundles?.isThere) return;
      bundles?.[Symbol.dispose]();
      bundles = bundleServer(unneeded);
    },
    bundler() {
      const errand = bundles!.ask();
      bundles![Symbol.dispose]();
      pages?.take();
      return errand;
    },
    idle() {
      pages ??= PageList.learn((mark) => rehearseWatched(hideUnifiedCgroup, mark));
    },
  };
}
