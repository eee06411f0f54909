import { imageSave } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { string } from "../../flags/types.ts";
import { checkOutputFile, writeStream } from "../../stream-to-file.ts";
import { platformsJson } from "./platform.ts";

export default command({
  names: ["image save", "save"],
  summary: "Write images as a tar archive, to stdout by default",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: atLeast(1),
  flags: {
    output: string("Write to this file", { shorthand: "o", values: "file" }),
    platform: string("Only the variant for this platform (os[/arch[/variant]])"),
  },
  examples: [{ what: "To another machine", words: "save app | ssh host berth load" }],
  completes: ["image"],
  async run(context, { values }, names) {
    const platforms = platformsJson([values.platform]);
    await checkOutputFile(context, values.output, "failed to save image: ");
    const options = platforms.length === 0 ? {} : { platforms };
    const tar = await imageSave(await context.client(), names, options);
    await writeStream(context, tar, values.output);
  },
});
