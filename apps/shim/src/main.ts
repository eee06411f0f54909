import { allowForkOfJit, exitNow, setProcessName } from "@berth/linux";
import { HIDE_UNIFIED_CGROUP } from "@berth/runtime";
import { forkedAhead } from "./ahead.ts";
import { CgroupWarmer } from "./cgroup-warmer.ts";
import { serve } from "./server.ts";
import { warmUp } from "./warm-up.ts";

/** Our end of the daemon's socket pair. */
const DAEMON = 3;

/**
 * `berth shim-server [--hide-unified-cgroup]`: waits for launches on descriptor 3 and forks a shim for each
 * (docs/design/001-processes.md). It ends when the daemon's end is closed. It must stay single-threaded and must never start
 * Bun's event loop.
 */
export function shimServerMain(argv: readonly string[]): never {
  const hideUnifiedCgroup = argv.includes(HIDE_UNIFIED_CGROUP);
  allowForkOfJit();
  warmUp(hideUnifiedCgroup);
  // Not what a rehearsal called it.
  setProcessName("berth-shims");
  const warmer = new CgroupWarmer([DAEMON]);
  const own = forkedAhead(hideUnifiedCgroup, [DAEMON, warmer.descriptor]);
  serve(DAEMON, warmer, hideUnifiedCgroup, own);
  exitNow(0);
}
