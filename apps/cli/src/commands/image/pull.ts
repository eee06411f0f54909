import { imagePull } from "@berth/client";
import { DEFAULT_TAG, formatReference, parseReference, repositoryOf, withDefaultTag } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { registryAuth } from "../../config/registry-auth.ts";
import { refuseContentTrust } from "../../content-trust.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";

export default command({
  names: ["image pull", "pull"],
  summary: "Get an image from a registry",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  arguments: exactly(1),
  flags: {
    "all-tags": bool("All tags of the repository", { shorthand: "a" }),
    "disable-content-trust": bool("Do not check signatures (we never do)", { default: true }),
    platform: string("The image of this platform (os[/arch[/variant]])"),
    quiet: bool("Show only the name", { shorthand: "q" }),
  },
  completes: ["image", "none"],
  async run(context, flags, [name]) {
    const { values } = flags;
    refuseContentTrust(context, flags);
    const asked = parseReference(name!);
    const isBare = asked.tag === undefined && asked.digest === undefined;
    if (values["all-tags"] && !isBare) throw new CommandError("tag can't be used with --all-tags/-a");
    const reference = values["all-tags"] ? asked : withDefaultTag(asked);
    if (isBare && !values["all-tags"] && !values.quiet) {
      await context.stdout.write(`Using default tag: ${DEFAULT_TAG}\n`);
    }
    const auth = await registryAuth(context, reference.domain);
    const response = await imagePull(await context.client(), {
      image: repositoryOf(reference),
      tag: reference.digest ?? reference.tag ?? "",
      platform: values.platform,
      auth,
    });
    await showProgress(context, response, { quiet: values.quiet });
    if (!values["all-tags"]) await context.stdout.write(`${formatReference(reference)}\n`);
    else if (values.quiet) await context.stdout.write(`${repositoryOf(reference)}\n`);
  },
});
