import type { Digest } from "@berth/base";
import { JsonReader, present } from "./json-reader.ts";
import { isIndexType, isManifestType, MEDIA_TYPE } from "./media-types.ts";
import type { Platform } from "./platform.ts";

/** OCI image-spec descriptor.md. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
  urls?: string[];
}

/** OCI image-spec manifest.md; Docker's schema 2 has the same form. */
export interface Manifest {
  schemaVersion: 2;
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
  artifactType?: string;
  subject?: Descriptor;
}

/** OCI image-spec image-index.md; Docker's manifest list has the same form. */
export interface ImageIndex {
  schemaVersion: 2;
  mediaType: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

/** Bytes of a manifest or index: what registries take. */
export const MAX_MANIFEST_BYTES = 4 << 20;
/** Layers that overlayfs can stack and Docker allows, one more for the container's own. */
export const MAX_LAYERS = 127;
const MAX_MANIFESTS = 4096;
const MAX_ANNOTATIONS = 4096;

/** Annotation of an index' entry in an OCI layout: the tag, or (by Docker and containerd) the full name. */
export const ANNOTATION_REF_NAME = "org.opencontainers.image.ref.name";
export const ANNOTATION_CONTAINERD_NAME = "io.containerd.image.name";

/** Reads a manifest or an index, whichever it is. @throws invalid-parameter. */
export function parseManifestOrIndex(bytes: Uint8Array, declaredType?: string): Manifest | ImageIndex {
  const json = JsonReader.parse(bytes, "manifest", MAX_MANIFEST_BYTES);
  if (json.get("schemaVersion").integer() !== 2) throw json.fail("only schemaVersion 2 is supported");
  const own = json.get("mediaType").optionalText();
  const hasManifests = !json.get("manifests").absent;
  const hasLayers = !json.get("layers").absent || !json.get("config").absent;
  // A document that is both could be read in two ways by two programs (CVE-2021-41190).
  if (hasManifests && hasLayers) throw json.fail("both a manifest and an index");
  const type = own ?? declaredType ?? (hasManifests ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest);
  if (own !== undefined && declaredType !== undefined && own !== declaredType) {
    throw json.fail(`its mediaType is ${JSON.stringify(own.slice(0, 200))}, expected ${declaredType}`);
  }
  if (isIndexType(type)) {
    if (hasLayers) throw json.fail("an index with layers");
    return present({
      schemaVersion: 2 as const,
      mediaType: type,
      manifests: json.get("manifests").list(MAX_MANIFESTS).map(descriptor),
      annotations: annotations(json),
    }) as ImageIndex;
  }
  if (!isManifestType(type)) throw json.fail(`unsupported mediaType ${JSON.stringify(type.slice(0, 200))}`);
  if (hasManifests) throw json.fail("a manifest with manifests");
  const subject = json.get("subject");
  return present({
    schemaVersion: 2 as const,
    mediaType: type,
    config: descriptor(json.get("config")),
    layers: json.get("layers").list(MAX_LAYERS).map(descriptor),
    annotations: annotations(json),
    artifactType: json.get("artifactType").optionalText(),
    subject: subject.absent ? undefined : descriptor(subject),
  }) as Manifest;
}

/** @throws invalid-parameter when it is an index. */
export function parseManifest(bytes: Uint8Array, declaredType?: string): Manifest {
  const found = parseManifestOrIndex(bytes, declaredType);
  if (!isManifest(found)) throw JsonReader.parse(bytes, "manifest", MAX_MANIFEST_BYTES).fail("is an index");
  return found;
}

/** @throws invalid-parameter when it is a manifest. */
export function parseIndex(bytes: Uint8Array, declaredType?: string): ImageIndex {
  const found = parseManifestOrIndex(bytes, declaredType);
  if (isManifest(found)) throw JsonReader.parse(bytes, "index", MAX_MANIFEST_BYTES).fail("is a manifest");
  return found;
}

export function isManifest(document: Manifest | ImageIndex): document is Manifest {
  return "layers" in document;
}

function annotations(json: JsonReader): Record<string, string> | undefined {
  return json.get("annotations").optionalTextMap(MAX_ANNOTATIONS) ?? undefined;
}

function descriptor(json: JsonReader): Descriptor {
  const platform = json.get("platform");
  return present({
    mediaType: json.get("mediaType").text(),
    digest: json.get("digest").digest(),
    size: json.get("size").integer(0),
    annotations: annotations(json),
    platform: platform.absent
      ? undefined
      : present({
          os: platform.get("os").text(),
          architecture: platform.get("architecture").text(),
          variant: platform.get("variant").optionalText(),
          osVersion: platform.get("os.version").optionalText(),
        }),
    artifactType: json.get("artifactType").optionalText(),
    urls: json.get("urls").optionalTexts(64) ?? undefined,
  }) as Descriptor;
}
