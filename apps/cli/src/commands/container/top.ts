import { containerTop } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { alignColumns } from "../../format/columns.ts";

export default command({
  names: ["container top", "top"],
  summary: "Show the processes of a container",
  usage: "CONTAINER [ps OPTIONS]",
  arguments: atLeast(1),
  argumentsAreACommand: true,
  completes: ["running-container", "none"],
  flags: {},
  examples: [{ what: "Processes with their memory", words: "top web -o pid,rss,args" }],
  async run(context, _flags, [name = "", ...psArguments]) {
    const { Titles, Processes } = await containerTop(await context.client(), name, psArguments);
    const lines = [Titles, ...Processes].map((cells) => `${cells.join("\t")}\n`);
    await context.stdout.write(alignColumns(lines.join(""), { least: 20, padding: 3 }));
  },
});
