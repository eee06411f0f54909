import { imageSave } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";
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
    if (values.output === "" && (await context.isTerminal(1))) {
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    const files = values.output === "" ? undefined : await import("../../io/files.ts");
    try {
      await files?.checkOutputPath(values.output);
    } catch (error) {
      throw new CommandError(`failed to save image: ${(error as Error).message}`);
    }
    const options = platforms.length === 0 ? {} : { platforms };
    const tar = await imageSave(await context.client(), names, options);
    if (files !== undefined) return files.writeWhole(values.output, tar);
    for await (const chunk of tar) await context.stdout.write(chunk);
  },
});
