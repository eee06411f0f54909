import { networkPrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import type { Context } from "../../context.ts";
import { bool, type FilterMap, filter } from "../../flags/types.ts";
import { type Pruned, pruneAfterQuestion } from "../../prune.ts";
import { pruneFilters } from "../../prune-filters.ts";

const WARNING = "WARNING! This will remove all custom networks not used by at least one container.";

export default command({
  names: ["network prune"],
  summary: "Remove all unused networks",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    filter: filter('Remove only those that match (such as "until=24h")'),
    force: bool("Do not ask", { shorthand: "f" }),
  },
  examples: [{ what: "Those older than a week", words: "network prune --filter until=168h" }],
  run(context, { values }) {
    const options = { force: values.force, warning: WARNING, counts: false };
    return pruneAfterQuestion(context, options, () => pruneNetworks(context, values.filter));
  },
});

export async function pruneNetworks(context: Context, asked: FilterMap): Promise<Pruned> {
  const filters = await pruneFilters(context, asked);
  const { NetworksDeleted: deleted } = await networkPrune(await context.client(), { filters });
  const lines = (deleted ?? []).map((name) => `${name}\n`);
  return { text: lines.length === 0 ? "" : `Deleted Networks:\n${lines.join("")}`, bytes: 0 };
}
