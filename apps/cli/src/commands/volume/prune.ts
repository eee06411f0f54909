import { versionLessThan, volumePrune } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, type FilterMap, filter } from "../../flags/types.ts";
import { type Pruned, pruneAfterQuestion } from "../../prune.ts";
import { pruneFilters } from "../../prune-filters.ts";

const ANONYMOUS = "WARNING! This will remove anonymous local volumes not used by at least one container.";
const UNUSED = "WARNING! This will remove all local volumes not used by at least one container.";

export default command({
  names: ["volume prune"],
  summary: "Remove unused local volumes",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Remove those with a name too", { shorthand: "a" }),
    filter: filter('Remove only those that match (such as "label=x")'),
    force: bool("Do not ask", { shorthand: "f" }),
  },
  examples: [
    { what: "Named ones too, but for those to be kept", words: "volume prune -a --filter 'label!=keep'" },
  ],
  async run(context, { values }) {
    if (values.all && values.filter.has("all")) {
      throw new CommandError("conflicting options: cannot specify both --all and --filter all=1");
    }
    // Daemons before API 1.42 have no other way.
    const all = values.all || versionLessThan(await (await context.client()).negotiateVersion(), "1.42");
    const options = { force: values.force, warning: all ? UNUSED : ANONYMOUS };
    await pruneAfterQuestion(context, options, () => pruneVolumes(context, values.all, values.filter));
  },
});

export async function pruneVolumes(context: Context, all: boolean, asked: FilterMap): Promise<Pruned> {
  const filters = new Map(await pruneFilters(context, asked));
  if (all) filters.set("all", ["true"]);
  const report = await volumePrune(await context.client(), { filters });
  const lines = (report.VolumesDeleted ?? []).map((name) => `${name}\n`);
  return {
    text: lines.length === 0 ? "" : `Deleted Volumes:\n${lines.join("")}`,
    bytes: report.SpaceReclaimed,
  };
}
