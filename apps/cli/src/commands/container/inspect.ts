import { containerInspectText } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { bool, string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { inspectEach } from "../../inspect-each.ts";

export default command({
  names: ["container inspect"],
  summary: "Show everything about one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["container"],
  flags: {
    format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }),
    size: bool("Show sizes of the file systems", { shorthand: "s" }),
  },
  examples: [
    {
      what: "Its address on the default bridge",
      words: "container inspect -f '{{.NetworkSettings.IPAddress}}' web",
    },
  ],
  async run(context, { values }, names) {
    const client = await context.client();
    await inspectEach(context, names, values.format, async (name) => ({
      json: await containerInspectText(client, name, { size: values.size }),
      type: "container.InspectResponse",
    }));
  },
});
