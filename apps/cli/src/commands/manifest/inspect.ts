import { formatReference, isManifest, type Reference } from "@berth/spec";
import { between, command } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["manifest inspect"],
  summary: "Show a manifest, or a manifest list",
  usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  arguments: between(1, 2),
  flags: {
    insecure: bool("Allow a registry without TLS"),
    verbose: bool("Show each image of a list whole, with its platform", { shorthand: "v" }),
  },
  async run(context, { values }, [first, second]) {
    const { parseImageName, Registries } = await import("../../registry/open.ts");
    const { ListStore } = await import("../../registry/list-store.ts");
    const reference = parseImageName(second ?? first!);
    const store = new ListStore((await context.configuration()).folder);
    const registries = new Registries(context, values.insecure ? [reference.domain] : []);
    const single = await import("../../registry/single-manifest.ts");
    const { listTypeOf, manifestListText, orderedPlatform, writtenManifests } = await import(
      "../../registry/documents.ts"
    );

    if (second !== undefined) {
      const list = parseImageName(first!);
      const kept = await store.get(list, reference);
      if (kept !== undefined)
        return show(context, values.verbose ? single.verboseText(kept) : single.manifestText(kept));
    } else {
      const kept = await store.list(reference);
      if (kept !== undefined) {
        const descriptors = kept.map((each) => each.Descriptor);
        const text = values.verbose
          ? listText(kept.map((each) => single.verboseText(each, "\t")))
          : manifestListText(listTypeOf(descriptors), descriptors);
        return show(context, text);
      }
    }

    const name = formatReference(reference);
    const document = await registries.find(reference);
    if (document === undefined) throw new CommandError(`no such manifest: ${name}`);
    if (isManifest(document.content)) {
      const found = await single.describeSingle(
        registries,
        reference,
        name,
        document,
        values.verbose ? undefined : NO_PLATFORM,
      );
      return show(context, values.verbose ? single.verboseText(found) : single.manifestText(found));
    }
    const entries = writtenManifests(document);
    if (!values.verbose) return show(context, manifestListText(document.content.mediaType, entries));
    const images: string[] = [];
    for (const entry of entries) {
      const at: Reference = { ...reference, digest: entry.digest };
      const image = await registries.find(at);
      if (image === undefined) throw new CommandError(`no such manifest: ${formatReference(at)}`);
      if (!isManifest(image.content)) continue;
      const platform = orderedPlatform(entry.platform ?? {});
      images.push(
        single.verboseText(
          await single.describeSingle(registries, at, formatReference(at), image, platform),
          "\t",
        ),
      );
    }
    return show(context, listText(images));
  },
});

/** Not looked up where it is not shown. */
const NO_PLATFORM = { architecture: "", os: "" };

const show = (context: Context, text: string) => context.stdout.write(`${text}\n`);

const listText = (items: readonly string[]) =>
  items.length === 0 ? "[]" : `[\n${items.map((item) => `\t${item}`).join(",\n")}\n]`;
