import { type Document, RegistryError } from "@berth/registry";
import { formatPlatform, isManifest, normalisePlatform, type Reference } from "@berth/spec";
import { CommandError } from "../errors.ts";
import { ociDescriptor, type WrittenDescriptor, written, writtenManifests } from "./documents.ts";
import type { Registries } from "./open.ts";

/** What `imagetools inspect --format` sees, in the order and with the names of its JSON. */
export interface ImageView {
  name: string;
  manifest: Record<string, unknown>;
  /** The configuration; of an index with several platforms, those of all by platform. */
  image: Record<string, unknown>;
  Provenance: Record<string, unknown>;
  SBOM: Record<string, unknown>;
}

const MOST_CONFIG = 8 << 20;
const MOST_STATEMENT = 64 << 20;
const TYPE = "vnd.docker.reference.type";
const SUBJECT = "vnd.docker.reference.digest";
const ATTESTATION = "attestation-manifest";
const PREDICATE = "in-toto.io/predicate-type";

/** Looks up all that is to be known of an image; `wants` says what of it is needed. */
export async function viewImage(
  registries: Registries,
  reference: Reference,
  name: string,
  document: Document,
  wants: { image: boolean; attestations: boolean },
): Promise<ImageView> {
  const { mediaType, digest, size } = document.descriptor;
  if (isManifest(document.content)) {
    const image = wants.image ? await configOf(registries, reference, document) : {};
    return { name, manifest: { mediaType, digest, size }, image, Provenance: {}, SBOM: {} };
  }
  const entries = writtenManifests(document);
  const images = entries.filter((each) => each.annotations?.[TYPE] !== ATTESTATION && each.platform);
  const several = images.length > 1;
  const view: ImageView = {
    name,
    manifest: {
      schemaVersion: 2,
      mediaType,
      digest,
      size,
      manifests: entries.map(ociDescriptor),
      ...(document.content.annotations && { annotations: document.content.annotations }),
    },
    image: {},
    Provenance: {},
    SBOM: {},
  };
  for (const entry of images) {
    const platform = formatPlatform(normalisePlatform(entry.platform!));
    if (wants.image) {
      const config = await configOf(registries, reference, await fetch(registries, reference, entry));
      if (several) view.image[platform] = config;
      else view.image = config;
    }
    if (!wants.attestations) continue;
    const found = await attestationsOf(registries, reference, entries, entry);
    for (const [field, value] of Object.entries(found)) {
      const target = view[field as keyof typeof found];
      if (value === undefined) continue;
      if (several) target[platform] = value;
      else Object.assign(target, value);
    }
  }
  return view;
}

async function fetch(registries: Registries, reference: Reference, { digest }: WrittenDescriptor) {
  return await registries.repository(reference).fetchManifest({ digest }, registries.signal);
}

async function configOf(
  registries: Registries,
  reference: Reference,
  { content }: Document,
): Promise<Record<string, unknown>> {
  if (!isManifest(content)) return {};
  const repository = registries.repository(reference);
  try {
    return written({ bytes: await repository.fetchBlob(content.config, MOST_CONFIG, registries.signal) });
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new CommandError(`the configuration ${content.config.digest} is no JSON`);
    throw error;
  }
}

/** What was said about an image when it was built: SLSA provenance, SPDX. */
async function attestationsOf(
  registries: Registries,
  reference: Reference,
  entries: readonly WrittenDescriptor[],
  image: WrittenDescriptor,
) {
  const found: { Provenance?: Record<string, unknown>; SBOM?: Record<string, unknown> } = {};
  for (const entry of entries) {
    const { annotations } = entry;
    if (annotations?.[TYPE] !== ATTESTATION || annotations[SUBJECT] !== image.digest) continue;
    const { content } = await fetch(registries, reference, entry);
    if (!isManifest(content)) continue;
    for (const layer of content.layers) {
      const type = layer.annotations?.[PREDICATE] ?? "";
      const isProvenance = type.startsWith("https://slsa.dev/provenance/");
      if (!isProvenance && !type.startsWith("https://spdx.dev/Document")) continue;
      try {
        const bytes = await registries
          .repository(reference)
          .fetchBlob(layer, MOST_STATEMENT, registries.signal);
        const { predicate } = written<{ predicate?: unknown }>({ bytes });
        if (isProvenance) found.Provenance = { SLSA: predicate };
        else found.SBOM = { SPDX: predicate };
      } catch (error) {
        // An attestation that was taken away does not hide the image.
        if (!(error instanceof RegistryError && error.status === 404)) throw error;
      }
    }
  }
  return found;
}
