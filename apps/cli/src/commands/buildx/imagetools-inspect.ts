import { formatPlatform, formatReference, isManifest, type Reference } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { indentJson } from "../../format/indent-json.ts";
import type { WrittenDescriptor } from "../../registry/documents.ts";
import type { ImageView } from "../../registry/image-view.ts";

export default command({
  names: ["buildx imagetools inspect"],
  summary: "Show what a registry has under a name",
  usage: "[OPTIONS] NAME",
  arguments: exactly(1),
  flags: {
    builder: string("For other tools' sake; registries are reached without a builder"),
    format: string("Print with this Go template, of .Name, .Manifest, .Image, .Provenance, .SBOM"),
    raw: bool("Print the manifest as the registry has it"),
  },
  examples: [
    {
      what: "The platforms of an image",
      words:
        "buildx imagetools inspect --format '{{range .Manifest.Manifests}}{{.Platform.Architecture}} {{end}}' debian",
    },
  ],
  async run(context, { values }, [text]) {
    if (values.raw && values.format !== "") {
      throw new CommandError("format and raw cannot be used together");
    }
    const { parseImageName, Registries } = await import("../../registry/open.ts");
    const { writtenManifests } = await import("../../registry/documents.ts");
    const reference = parseImageName(text!);
    const name = formatReference(reference);
    const registries = new Registries(context);
    const document = await registries.find(reference);
    if (document === undefined) throw new CommandError(`ERROR: ${name}: not found`);
    if (values.raw) return context.stdout.write(document.bytes);
    if (values.format !== "") {
      const { viewImage } = await import("../../registry/image-view.ts");
      // Each platform's configuration is a round trip: only for those who ask.
      const all = /\{\{[^}]*\bjson \.\s*[|}]|\{\{\s*\.\s*\}\}|\$/.test(values.format);
      const view = await viewImage(registries, reference, name, document, {
        image: all || values.format.includes("Image"),
        attestations: all || /Provenance|SBOM/.test(values.format),
      });
      return context.stdout.write(await rendered(view, values.format));
    }
    const { mediaType, digest } = document.descriptor;
    let out = aligned([
      ["Name:", name],
      ["MediaType:", mediaType],
      ["Digest:", digest],
    ]);
    if (!isManifest(document.content)) out += listText(reference, writtenManifests(document));
    return context.stdout.write(out);
  },
});

function listText(reference: Reference, entries: readonly WrittenDescriptor[]): string {
  const hasAnnotations = entries.some((each) => Object.keys(each.annotations ?? {}).length > 0);
  const width = (hasAnnotations ? "Annotations:" : "MediaType:").length;
  let out = `${" ".repeat(11)}\nManifests: \n`;
  for (const [n, entry] of entries.entries()) {
    if (n > 0) out += `  ${" ".repeat(width + 1)}\n`;
    const rows: [string, string][] = [
      ["  Name:", formatReference({ ...reference, digest: entry.digest })],
      ["  MediaType:", entry.mediaType],
    ];
    if (entry.platform !== undefined) rows.push(["  Platform:", formatPlatform(entry.platform)]);
    out += aligned(rows, width + 2);
    const annotations = Object.entries(entry.annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (annotations.length === 0) continue;
    out += `  Annotations: \n${aligned(annotations.map(([key, value]) => [`    ${key}:`, value]))}`;
  }
  return out;
}

function aligned(rows: readonly (readonly [string, string])[], least = 0): string {
  const width = Math.max(least, ...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)} ${value}\n`).join("");
}

async function rendered(view: ImageView, format: string): Promise<string> {
  const { execute, parse, toJson } = await import("../../template/index.ts");
  const { lift } = await import("../../registry/lift.ts");
  const { name, manifest, image, Provenance, SBOM } = view;
  const data = lift({ name, manifest, image }, "imagetools.tplInput", {
    Provenance: lift(Provenance, "imagetools.provenanceStub"),
    SBOM: lift(SBOM, "imagetools.sbomStub"),
  });
  try {
    return execute(parse(format), data, {
      functions: {
        json: { arity: [1, 1], call: ([value]) => indentJson(toJson(value), "  ") },
      },
    });
  } catch (error) {
    throw new CommandError(`ERROR: ${(error as Error).message}`);
  }
}
