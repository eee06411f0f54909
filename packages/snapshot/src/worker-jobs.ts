import { runJob } from "@berth/archive";
import type { LayerJobs } from "./jobs.ts";

/** The jobs as `berth worker` carries them out. `command`: how to start one; default: this executable. */
export function workerLayerJobs(command?: readonly string[]): LayerJobs {
  const io = command === undefined ? {} : { command };
  return {
    async diskUsage(folder) {
      return (await runJob({ job: "disk-usage", folder }, io)).apparent;
    },
    async changes(upper, base, kind) {
      return (await runJob({ job: "changes", upper, base, kind: kind === "copy" ? "whole" : "overlay" }, io))
        .changes;
    },
    async changedSize(upper, base) {
      return (await runJob({ job: "changes", upper, base, kind: "whole" }, io)).size;
    },
  };
}
