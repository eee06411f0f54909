import { networkInspectText } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { bool, string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { inspectEach } from "../../inspect-each.ts";

export default command({
  names: ["network inspect"],
  summary: "Show everything about one or more networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  arguments: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }),
    verbose: bool("Say more, for diagnosis", { shorthand: "v" }),
  },
  completes: ["network"],
  async run(context, { values }, names) {
    const client = await context.client();
    await inspectEach(context, names, values.format, async (name) => ({
      json: await networkInspectText(client, name, { verbose: values.verbose }),
      type: "network.Inspect",
    }));
  },
});
