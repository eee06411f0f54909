import type { ImagesPruneReport } from "@berth/api";
import { imagePrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import type { Context } from "../../context.ts";
import { bool, type FilterMap, filter } from "../../flags/types.ts";
import { type Pruned, pruneAfterQuestion } from "../../prune.ts";
import { pruneFilters } from "../../prune-filters.ts";

const DANGLING = "WARNING! This will remove all dangling images.";
const UNUSED = "WARNING! This will remove all images without at least one container associated to them.";

export default command({
  names: ["image prune"],
  summary: "Remove unused images",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Remove all that no container uses, not just those without a name", { shorthand: "a" }),
    filter: filter('Remove only those that match (such as "until=24h")'),
    force: bool("Do not ask", { shorthand: "f" }),
  },
  run(context, { values }) {
    const options = { force: values.force, warning: values.all ? UNUSED : DANGLING };
    return pruneAfterQuestion(context, options, () => pruneImages(context, values.all, values.filter));
  },
});

export async function pruneImages(context: Context, all: boolean, asked: FilterMap): Promise<Pruned> {
  const filters = new Map(await pruneFilters(context, asked));
  filters.set("dangling", [String(!all)]);
  const report = await imagePrune(await context.client(), { filters });
  return { text: deletedImages(report), bytes: report.SpaceReclaimed };
}

function deletedImages(report: ImagesPruneReport): string {
  const lines = (report.ImagesDeleted ?? []).map((item) =>
    item.Untagged ? `untagged: ${item.Untagged}\n` : `deleted: ${item.Deleted}\n`,
  );
  return lines.length === 0 ? "" : `Deleted Images:\n${lines.join("")}`;
}
