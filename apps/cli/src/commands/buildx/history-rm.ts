import { buildHistory, removeBuildRecord } from "@berth/client";
import { findRecord } from "../../build/history.ts";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["buildx history rm"],
  summary: "Forget builds",
  usage: "[OPTIONS] [REF...]",
  arguments: atLeast(0),
  flags: {
    all: bool("All that have ended"),
    builder: string("Accepted; there is one builder", { hidden: true }),
  },
  async run(context, { values }, references) {
    const client = await context.client();
    if (references.length === 0 && !values.all)
      throw new CommandError("ERROR: rm requires at least one argument, or --all");
    if (references.length > 0 && values.all)
      throw new CommandError("ERROR: rm requires either --all or at least one argument");
    const chosen = values.all
      ? (await buildHistory(client)).filter(({ completedAt }) => completedAt !== undefined)
      : await Promise.all(references.map((reference) => findRecord(client, reference)));
    for (const { ref } of chosen) await removeBuildRecord(client, ref);
  },
});
