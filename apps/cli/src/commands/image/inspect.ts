import { imageInspectText } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { inspectEach } from "../../inspect-each.ts";
import { platformJson } from "./platform.ts";

export default command({
  names: ["image inspect"],
  summary: "Show everything about one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }),
    platform: string("Of this platform's image (os[/arch[/variant]])"),
  },
  completes: ["image"],
  async run(context, { values }, names) {
    const platform = values.platform === "" ? {} : { platform: platformJson(values.platform) };
    const client = await context.client();
    await inspectEach(context, names, values.format, async (name) => ({
      json: await imageInspectText(client, name, platform),
      type: "image.InspectResponse",
    }));
  },
});
