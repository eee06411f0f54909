import { ForkedChild, PageList } from "@berth/linux";
import type { Watched } from "./rehearsal.ts";
import { OWN_PROCESS, type ShimProcess } from "./shim-process.ts";
import { rehearseWatched } from "./warm-up.ts";

/**
 * Shims that have the memory that they will need before they need it, and so have the processes that make their bundles. What that is
 * becomes known when the server is idle for the first time.
 */
export function forkedAhead(hideUnifiedCgroup: boolean): ShimProcess {
  let lists: { shim: PageList; aside: PageList } | undefined;
  const learn = (process: Watched["process"]) =>
    PageList.learn((mark) => rehearseWatched(hideUnifiedCgroup, { process, mark }));
  return {
    ...OWN_PROCESS,
    aside(take, unneeded) {
      const child = new ForkedChild(take, unneeded, () => lists?.aside.take());
      // Not before that: the child would have a share in it, and each page would be copied once more.
      lists?.shim.take();
      return child;
    },
    idle() {
      lists ??= { shim: learn("shim"), aside: learn("aside") };
    },
  };
}
