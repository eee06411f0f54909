import type { Document } from "@berth/registry";
import { isManifest, MEDIA_TYPE, type Reference } from "@berth/spec";
import { CommandError } from "../errors.ts";
import { indentJson } from "../format/indent-json.ts";
import { orderedPlatform, type WrittenDescriptor, type WrittenPlatform } from "./documents.ts";
import type { Registries } from "./open.ts";

/** One image of one platform, as `docker manifest` keeps it in files and shows it with `--verbose`. */
export interface SingleManifest {
  Ref: string;
  Descriptor: WrittenDescriptor;
  /** base64 of the manifest. */
  Raw: string;
}

const MOST_CONFIG = 8 << 20;

/** Adds what is not in the manifest itself: the platform, from `platform` or the image's configuration. */
export async function describeSingle(
  registries: Registries,
  reference: Reference,
  shown: string,
  document: Document,
  platform?: WrittenPlatform,
): Promise<SingleManifest> {
  const { content, descriptor, bytes } = document;
  if (!isManifest(content)) throw new CommandError(`${shown} is a manifest list`);
  const { mediaType, digest, size } = descriptor;
  return {
    Ref: shown,
    Descriptor: {
      mediaType,
      digest,
      size,
      platform: orderedPlatform(platform ?? (await platformOf(registries, reference, document))),
    },
    Raw: Buffer.from(bytes).toString("base64"),
  };
}

async function platformOf(registries: Registries, reference: Reference, { content }: Document) {
  if (!isManifest(content)) return {};
  const bytes = await registries
    .repository(reference)
    .fetchBlob(content.config, MOST_CONFIG, registries.signal);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Partial<WrittenPlatform>;
  } catch {
    throw new CommandError(`the configuration ${content.config.digest} is no JSON`);
  }
}

/** The manifest's own text, indented by `indent` beyond its first line. */
export function manifestText(manifest: SingleManifest, indent = ""): string {
  return indentJson(Buffer.from(manifest.Raw, "base64").toString("utf8"), "\t").replaceAll(
    "\n",
    `\n${indent}`,
  );
}

/** Everything about it, with the manifest's fields in the order in which they were written. */
export function verboseText(manifest: SingleManifest, indent = ""): string {
  const { Ref, Descriptor, Raw } = manifest;
  const facts = JSON.stringify({ Ref, Descriptor, Raw }, null, "\t").replaceAll("\n", `\n${indent}`);
  const field = fieldOf(manifest);
  // Put into the object's end, because parsing it would lose the order of keys that are numbers.
  return `${facts.slice(0, -2 - indent.length)},\n${indent}\t"${field}": ${manifestText(manifest, `${indent}\t`)}\n${indent}}`;
}

/** As a file of Docker's. */
export function storedText(manifest: SingleManifest): string {
  const { Ref, Descriptor, Raw } = manifest;
  const text = JSON.stringify({ Ref, Descriptor, Raw });
  const own = JSON.stringify(JSON.parse(Buffer.from(Raw, "base64").toString("utf8")));
  return `${text.slice(0, -1)},"${fieldOf(manifest)}":${own}}`;
}

function fieldOf({ Descriptor }: SingleManifest): string {
  return Descriptor.mediaType === MEDIA_TYPE.ociManifest ? "OCIManifest" : "SchemaV2Manifest";
}
