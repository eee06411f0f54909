import { containerChanges } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { printRows } from "../../format/rows.ts";

const KINDS = ["C", "A", "D"] as const;

export default command({
  names: ["container diff", "diff"],
  summary: "Show which files of a container were changed, added or deleted",
  usage: "CONTAINER",
  arguments: exactly(1),
  completes: ["container"],
  flags: {},
  examples: [{ what: "What was added (A), changed (C), deleted (D)", words: "diff web" }],
  async run(context, _flags, [name = ""]) {
    if (name === "") throw new CommandError("Container name cannot be empty");
    const changes = await containerChanges(await context.client(), name);
    const rows = changes.map(({ Kind, Path }) => ({ Type: KINDS[Kind] ?? "", Path }));
    const kind = { type: "*container.diffContext", headers: { Type: "CHANGE TYPE", Path: "PATH" } };
    await printRows(context.stdout, kind, "{{.Type}} {{.Path}}", rows);
  },
});
