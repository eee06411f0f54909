import { type Digest, isDigest, sha256 } from "@berth/base";
import { formatReference, type Reference } from "@berth/spec";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, list, string } from "../../flags/types.ts";
import type { Source } from "../../registry/combine.ts";
import type { WrittenDescriptor } from "../../registry/documents.ts";
import type { Registries } from "../../registry/open.ts";

const MOST_FILE = 4 << 20;

export default command({
  names: ["buildx imagetools create"],
  summary: "Make an image in a registry of images that are in registries",
  usage: "[OPTIONS] [SOURCE] [SOURCE...]",
  arguments: atLeast(0),
  flags: {
    annotation: list("Annotate the image (index:key=value, manifest-descriptor[platform]:key=value)", {
      type: "stringArray",
    }),
    append: bool("Add to what the tag is now"),
    builder: string("For other tools' sake; registries are reached without a builder"),
    "dry-run": bool("Show the result instead of pushing it"),
    file: list("Read a source's descriptor from this file", { shorthand: "f", type: "stringArray" }),
    progress: string("For other tools' sake", { default: "auto" }),
    tag: list("Name of the new image", { shorthand: "t", type: "stringArray" }),
  },
  examples: [
    {
      what: "One name for the images of two platforms",
      words:
        "buildx imagetools create -t registry.example/app:1 registry.example/app:1-amd64 registry.example/app:1-arm64",
    },
  ],
  async run(context, { values }, args) {
    const { parseImageName, Registries, selectorOf } = await import("../../registry/open.ts");
    const { combine, parseAnnotation } = await import("../../registry/combine.ts");
    if (args.length === 0 && values.file.length === 0) throw new CommandError("ERROR: no sources specified");
    const tags = values.tag.map(parseImageName);
    if (!values["dry-run"] && tags.length === 0) {
      throw new CommandError("ERROR: can't push with no tags specified, please set --tag or --dry-run");
    }
    const annotations = values.annotation.map(parseAnnotation);
    const words = [...(await Promise.all(values.file.map(readSource))), ...args];
    const registries = new Registries(context);
    const sources = await Promise.all(
      words.map((word) => findSource(registries, word, tags, parseImageName)),
    );
    if (values.append) {
      const [target] = tags;
      if (target === undefined) throw new CommandError("ERROR: no repositories provided");
      if (tags.length > 1) throw new CommandError("ERROR: multiple repositories currently not supported");
      const before = await registries.find(target);
      if (before === undefined) throw new CommandError(`ERROR: ${formatReference(target)}: not found`);
      sources.unshift({ reference: target, document: before });
    }
    const { mediaType, bytes } = await combine(registries, sources, annotations);
    if (values["dry-run"]) return context.stdout.write(`${new TextDecoder().decode(bytes)}\n`);
    const { copyImage, isSame } = await import("../../registry/copy-image.ts");
    const digest = sha256(bytes);
    for (const tag of tags) {
      const to = registries.repository(tag);
      for (const { reference, document } of sources) {
        const from = registries.repository(reference);
        if (isSame(from, to)) continue;
        await context.stderr.write(
          `copying ${document.descriptor.digest} from ${formatReference(reference)} to ${formatReference(tag)}\n`,
        );
        await copyImage(from, to, document, registries.signal);
      }
      await context.stderr.write(`pushing ${digest} to ${formatReference(tag)}\n`);
      await to.putManifest(selectorOf(tag), { mediaType, bytes }, registries.signal);
    }
    return undefined;
  },
});

async function readSource(path: string): Promise<string> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new CommandError(`ERROR: open ${path}: no such file or directory`);
  if (file.size > MOST_FILE) throw new CommandError(`ERROR: ${path} is too large for a descriptor`);
  return (await file.text()).trim();
}

/** A name, a digest in the target's repository, or a descriptor in JSON of something there. @throws CommandError */
async function findSource(
  registries: Registries,
  word: string,
  tags: readonly Reference[],
  parse: (text: string) => Reference,
): Promise<Source> {
  let said: Partial<WrittenDescriptor> | undefined;
  let digest: Digest | undefined;
  if (isDigest(word)) digest = word;
  else if (word.startsWith("{")) {
    try {
      said = JSON.parse(word) as Partial<WrittenDescriptor>;
    } catch (error) {
      throw new CommandError(`ERROR: a source is no JSON: ${(error as Error).message}`);
    }
    if (said.digest === undefined || !isDigest(said.digest))
      throw new CommandError("ERROR: a source's descriptor has no digest");
    digest = said.digest;
  }
  let reference: Reference;
  if (digest === undefined) reference = parse(word);
  else {
    const [target] = tags;
    if (target === undefined)
      throw new CommandError(`ERROR: no repository is known for ${digest}: set --tag`);
    const { domain, path } = target;
    if (tags.some((tag) => tag.domain !== domain || tag.path !== path)) {
      throw new CommandError("ERROR: multiple repositories currently not supported");
    }
    reference = { domain, path, digest };
  }
  const document = await registries.find(reference);
  if (document === undefined) throw new CommandError(`ERROR: ${formatReference(reference)}: not found`);
  return { reference, document, ...(said && { said }) };
}
