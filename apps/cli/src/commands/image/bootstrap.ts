import { imageBootstrap } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { isBerthError } from "../../error-kinds.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";

export default command({
  names: ["image bootstrap"],
  summary: "Make an image from distribution packages, with no registry",
  description:
    "The daemon fetches the packages of a distribution from its package archive and puts an image together, so that\na machine that reaches no registry still has something to run. NAME is one of\n\n  busybox               a shell and 300 small tools, 4 MB\n  debian[:SUITE]        Debian's minimal system with apt: bookworm (the default), trixie, …\n  debian:SUITE-slim     the same without documentation\n  registry              a registry of images: registry:2",
  usage: "[OPTIONS] NAME",
  arguments: exactly(1),
  flags: { quiet: bool("Show no progress", { shorthand: "q" }) },
  completes: [["busybox", "debian:bookworm", "debian:bookworm-slim", "registry"], "none"],
  examples: [
    { what: "A small image to begin with", words: "image bootstrap busybox" },
    { what: "A system to install packages in", words: "image bootstrap debian:bookworm" },
  ],
  async run(context, { values }, [name]) {
    const response = await imageBootstrap(await context.client(), name!).catch((error: unknown) => {
      // A name that it does not know: the help lists them.
      if (!isBerthError(error, "ApiError") || error.status !== 400) throw error;
      throw new CommandError(error.message, 1, { pointsToHelp: true });
    });
    await showProgress(context, response, { quiet: values.quiet });
  },
});
