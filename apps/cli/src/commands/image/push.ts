import { escapeReference } from "@berth/client";
import { DEFAULT_TAG, familiarRepository, parseReference, withDefaultTag } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { registryAuth } from "../../config/registry-auth.ts";
import { refuseContentTrust } from "../../content-trust.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";
import { platformJson } from "./platform.ts";

export default command({
  names: ["image push", "push"],
  summary: "Send an image to a registry",
  usage: "[OPTIONS] NAME[:TAG]",
  arguments: exactly(1),
  flags: {
    "all-tags": bool("All tags of the repository", { shorthand: "a" }),
    "disable-content-trust": bool("Do not sign (we never do)", { default: true }),
    platform: string("Only the image of this platform (os[/arch[/variant]])"),
    quiet: bool("Show only the name", { shorthand: "q" }),
  },
  completes: ["image", "none"],
  async run(context, flags, [name]) {
    const { values } = flags;
    refuseContentTrust(context, flags);
    const asked = parseReference(name!);
    const isBare = asked.tag === undefined && asked.digest === undefined;
    if (values["all-tags"] && !isBare) throw new CommandError("tag can't be used with --all-tags/-a");
    if (asked.digest !== undefined) throw new CommandError("cannot push a digest reference");
    const reference = values["all-tags"] ? asked : withDefaultTag(asked);
    if (isBare && !values["all-tags"] && !values.quiet) {
      await context.stdout.write(`Using default tag: ${DEFAULT_TAG}\n`);
    }
    const repository = familiarRepository(reference);
    const response = await (await context.client()).request({
      method: "POST",
      path: `/images/${escapeReference(repository)}/push`,
      query: {
        ...(reference.tag && { tag: reference.tag }),
        ...(values.platform && { platform: platformJson(values.platform) }),
      },
      headers: { "X-Registry-Auth": await registryAuth(context, reference.domain) },
    });
    await showProgress(context, response, { quiet: values.quiet });
    if (values.quiet) {
      const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
      await context.stdout.write(`${reference.domain}/${reference.path}${tag}\n`);
    }
  },
});
