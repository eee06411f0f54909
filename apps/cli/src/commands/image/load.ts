import { imageLoad } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";
import { platformsJson } from "./platform.ts";

export default command({
  names: ["image load", "load"],
  summary: "Load images from a tar archive, from stdin by default",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    input: string("Read this file", { shorthand: "i", values: "file" }),
    platform: string("Only the variant for this platform (os[/arch[/variant]])"),
    quiet: bool("Show no progress", { shorthand: "q" }),
  },
  examples: [{ what: "What save has written", words: "load -i images.tar" }],
  async run(context, { values }) {
    const platforms = platformsJson([values.platform]);
    if (values.input === "" && (await context.isTerminal(0))) {
      throw new CommandError("requested load from stdin, but stdin is empty");
    }
    const tar =
      values.input === ""
        ? context.stdin.chunks()
        : await (await import("../../io/files.ts")).openFile(values.input);
    const quiet = values.quiet || !(await context.isTerminal(1));
    const options = { quiet, ...(platforms.length > 0 && { platforms }) };
    await showProgress(context, await imageLoad(await context.client(), tar, options));
  },
});
