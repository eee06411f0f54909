import { command, noArguments } from "../../command.ts";
import { COMPOSE_VERSION, composeVersionLine } from "../../compose/version.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose version"],
  summary: "Show the Docker Compose version information",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    format: string("Format the output. Values: [pretty | json]", { shorthand: "f" }),
    short: bool("Shows only Compose's version number"),
  },
  async run(context, { values }) {
    const text = values.short
      ? COMPOSE_VERSION
      : values.format === "json"
        ? JSON.stringify({ version: `v${COMPOSE_VERSION}` })
        : values.format === "" || values.format === "pretty"
          ? composeVersionLine(context.program)
          : undefined;
    if (text === undefined) {
      throw new CommandError(`format value ${JSON.stringify(values.format)} could not be parsed`);
    }
    await context.stdout.write(`${text}\n`);
  },
});
