import { imageBootstrap } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { bool } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";

export default command({
  names: ["image bootstrap"],
  summary: "Make an image from distribution packages, with no registry",
  description:
    "The daemon fetches the packages of a distribution from its package archive and puts an image together, so that\na machine that reaches no registry still has something to run.",
  usage: "[OPTIONS] NAME",
  arguments: exactly(1),
  flags: { quiet: bool("Show no progress", { shorthand: "q" }) },
  examples: [{ what: "A small image to begin with", words: "image bootstrap busybox" }],
  async run(context, { values }, [name]) {
    const response = await imageBootstrap(await context.client(), name!);
    await showProgress(context, response, { quiet: values.quiet });
  },
});
