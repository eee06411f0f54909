import { buildPrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { bytes } from "../../flags/quantities.ts";
import { bool, filter, string } from "../../flags/types.ts";
import { pruneAfterQuestion } from "../../prune.ts";
import { pruneFilters } from "../../prune-filters.ts";

const DANGLING = "WARNING! This will remove all dangling build cache.";
const ALL = "WARNING! This will remove all build cache.";

export default command({
  names: ["builder prune", "buildx prune"],
  summary: "Remove build cache",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Remove what images share too, not just what none of them needs", { shorthand: "a" }),
    builder: string("Accepted; there is one builder", { hidden: true }),
    filter: filter('Remove only records that match (such as "until=24h")'),
    force: bool("Do not ask", { shorthand: "f" }),
    "keep-storage": bytes("Keep this much, the newest"),
    "max-used-space": bytes("Remove until no more than this is used"),
    "min-free-space": bytes("Remove until this much of the disk is free"),
    "reserved-space": bytes("Keep this much, the newest"),
    verbose: bool("Without effect", { hidden: true }),
  },
  async run(context, { values }) {
    const options = { force: values.force, warning: values.all ? ALL : DANGLING };
    await pruneAfterQuestion(context, options, async () => {
      const report = await buildPrune(await context.client(), {
        all: values.all,
        filters: await pruneFilters(context, values.filter),
        reservedSpace: values["reserved-space"] || values["keep-storage"],
        maxUsedSpace: values["max-used-space"],
        minFreeSpace: values["min-free-space"],
      });
      const lines = (report.CachesDeleted ?? []).map((id) => `${id}\n`);
      const text = lines.length === 0 ? "" : `Deleted build cache objects:\n${lines.join("")}`;
      return { text, bytes: report.SpaceReclaimed };
    });
  },
});
