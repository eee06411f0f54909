import { runJob } from "@berth/archive";
import { notFound } from "@berth/base";
import type { LayerJobs } from "./jobs.ts";

/** Folders that one process is asked for. */
const MOST_FOLDERS = 500;

interface Waiting {
  folder: string;
  answer: PromiseWithResolvers<number>;
}

/** Calls of one turn of the event loop become one for all: a list of containers asks for the size of each. */
function together(
  sizesOf: (folders: string[]) => Promise<(number | null)[]>,
): (folder: string) => Promise<number> {
  let waiting: Waiting[] = [];
  const askFor = async (some: readonly Waiting[]) => {
    try {
      const sizes = await sizesOf(some.map(({ folder }) => folder));
      for (const [index, { folder, answer }] of some.entries()) {
        const size = sizes[index];
        if (typeof size === "number") answer.resolve(size);
        else answer.reject(notFound(`no such directory: ${folder}`));
      }
    } catch (error) {
      for (const { answer } of some) answer.reject(error);
    }
  };
  const ask = () => {
    const all = waiting;
    waiting = [];
    for (let at = 0; at < all.length; at += MOST_FOLDERS) void askFor(all.slice(at, at + MOST_FOLDERS));
  };
  return (folder) => {
    if (waiting.length === 0) setImmediate(ask);
    const answer = Promise.withResolvers<number>();
    waiting.push({ folder, answer });
    return answer.promise;
  };
}

/** The jobs as `berth worker` carries them out. `command`: how to start one; default: this executable. */
export function workerLayerJobs(command?: readonly string[]): LayerJobs {
  const io = command === undefined ? {} : { command };
  return {
    diskUsage: together(async (folders) => (await runJob({ job: "folder-sizes", folders }, io)).sizes),
    async changes(upper, base, kind) {
      return (await runJob({ job: "changes", upper, base, kind: kind === "copy" ? "whole" : "overlay" }, io))
        .changes;
    },
    async changedSize(upper, base) {
      return (await runJob({ job: "changes", upper, base, kind: "whole" }, io)).size;
    },
  };
}
