import { formatReference, isManifest, parseReference } from "@berth/spec";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["manifest create"],
  summary: "Make a manifest list here, to annotate and push it",
  usage: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  arguments: atLeast(2),
  flags: {
    amend: bool("Change a list that exists", { shorthand: "a" }),
    insecure: bool("Allow a registry without TLS"),
  },
  examples: [
    {
      what: "One name for the images of two platforms",
      words:
        "manifest create registry.example/app:1 registry.example/app:1-amd64 registry.example/app:1-arm64",
    },
  ],
  async run(context, { values }, [target, ...images]) {
    const { parseImageName, Registries } = await import("../../registry/open.ts");
    const { ListStore } = await import("../../registry/list-store.ts");
    const { describeSingle } = await import("../../registry/single-manifest.ts");
    const list = parseImageName(target!);
    const store = new ListStore((await context.configuration()).folder);
    if (!values.amend && (await store.list(list)) !== undefined) {
      throw new CommandError("refusing to amend an existing manifest list with no --amend flag");
    }
    const references = images.map((name) => parseImageName(name));
    const domains = images.map((name) => parseReference(name).domain);
    const registries = new Registries(context, values.insecure ? domains : []);
    // All of them before the first is kept: a list is made whole or not at all.
    const found = await Promise.all(
      references.map(async (reference) => {
        const kept = await store.get(list, reference);
        if (kept !== undefined) return kept;
        const name = formatReference(reference);
        const document = await registries.find(reference);
        if (document === undefined) throw new CommandError(`no such manifest: ${name}`);
        if (!isManifest(document.content)) throw new CommandError(`${name} is a manifest list`);
        return await describeSingle(registries, reference, name, document);
      }),
    );
    for (const [n, manifest] of found.entries()) await store.put(list, references[n]!, manifest);
    await context.stdout.write(`Created manifest list ${formatReference(list)}\n`);
  },
});
