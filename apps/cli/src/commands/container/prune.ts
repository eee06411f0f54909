import { containerPrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { bool, filter } from "../../flags/types.ts";
import { humanSize4 } from "../../format/sizes.ts";
import { pruneFilters } from "../../prune-filters.ts";

export default command({
  names: ["container prune"],
  summary: "Remove all stopped containers",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    filter: filter('Remove only those that match ("until=24h", "label=x")'),
    force: bool("Do not ask", { shorthand: "f" }),
  },
  examples: [{ what: "Those that ended more than a day ago", words: "container prune --filter until=24h" }],
  async run(context, { values }) {
    const warning = "WARNING! This will remove all stopped containers.";
    if (!values.force && !(await confirm(context, warning))) return;
    const filters = await pruneFilters(context, values.filter);
    const report = await containerPrune(await context.client(), { filters });
    const deleted = report.ContainersDeleted ?? [];
    const list = deleted.length === 0 ? "" : `Deleted Containers:\n${deleted.join("\n")}\n\n`;
    await context.stdout.write(`${list}Total reclaimed space: ${humanSize4(report.SpaceReclaimed)}\n`);
  },
});
