import { volumeInspectText } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { inspectEach } from "../../inspect-each.ts";

export default command({
  names: ["volume inspect"],
  summary: "Show everything about one or more volumes",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arguments: atLeast(1),
  flags: { format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }) },
  completes: ["volume"],
  examples: [{ what: "Where its files are", words: "volume inspect -f '{{.Mountpoint}}' data" }],
  async run(context, { values }, names) {
    const client = await context.client();
    await inspectEach(context, names, values.format, async (name) => ({
      json: await volumeInspectText(client, name),
      type: "volume.Volume",
    }));
  },
});
