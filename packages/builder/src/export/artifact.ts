import { type Descriptor, formatPlatform, MEDIA_TYPE } from "@berth/spec";
import { attestationManifest } from "../attest/manifest.ts";
import { hasStatements } from "../attest/statements.ts";
import type { BuildScope } from "../solve/scope.ts";
import { type BlobOptions, layerBlobs } from "./blobs.ts";
import type { BuiltPlatform } from "./built.ts";
import { documentOf, type ExportDocument } from "./document.ts";
import type { ExportImage } from "./image-config.ts";

/** What is uploaded or archived: blobs of the content store and documents, what is needed first comes first. */
export interface Artifact {
  /** The manifest of one platform, or the index. */
  root: ExportDocument;
  manifests: ExportDocument[];
  configs: ExportDocument[];
  blobs: Descriptor[];
  /** Layers of each image, for `manifest.json`. */
  images: { config: ExportDocument; layers: Descriptor[] }[];
}

/** Manifests of all platforms with annotations and attestations, and the index that holds them when there is more than one. */
export async function makeArtifact(
  scope: BuildScope,
  built: readonly BuiltPlatform[],
  images: readonly ExportImage[],
  attributes: Readonly<Record<string, string>>,
  options: BlobOptions,
  multi: boolean,
): Promise<Artifact> {
  const hasAttestations = hasStatements(scope, true);
  const docker = options.docker && !hasAttestations;
  const artifact: Omit<Artifact, "root"> = { manifests: [], configs: [], blobs: [], images: [] };
  const entries: Descriptor[] = [];
  const attested: Descriptor[] = [];
  for (const [index, image] of images.entries()) {
    const each = built[index] as BuiltPlatform;
    const layers = await layerBlobs(scope, each, image, { ...options, docker });
    const config = documentOf(docker ? MEDIA_TYPE.dockerConfig : MEDIA_TYPE.ociConfig, image.bytes);
    const annotations = annotationsOf(attributes, "manifest", each);
    const manifest = documentOf(
      docker ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest,
      {
        schemaVersion: 2,
        mediaType: docker ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest,
        config: config.descriptor,
        layers,
        ...(annotations && { annotations }),
      },
      descriptorFacts(attributes, each),
    );
    artifact.blobs.push(...layers);
    artifact.configs.push(config);
    artifact.images.push({ config, layers });
    artifact.manifests.push(manifest);
    entries.push(manifest.descriptor);
    if (!hasAttestations) continue;
    const extra = await attestationManifest(scope, each, image, manifest.descriptor);
    artifact.configs.push(extra.config, ...extra.statements);
    artifact.manifests.push(extra.manifest);
    attested.push(extra.manifest.descriptor);
  }
  const [only] = artifact.manifests;
  const annotations = annotationsOf(attributes, "index", undefined);
  if (artifact.manifests.length === 1 && only !== undefined && annotations === undefined && !multi)
    return { ...artifact, root: only };
  const type = docker && annotations === undefined ? MEDIA_TYPE.dockerManifestList : MEDIA_TYPE.ociIndex;
  const root = documentOf(type, {
    schemaVersion: 2,
    mediaType: type,
    manifests: [...entries, ...attested],
    ...(annotations && { annotations }),
  });
  return { ...artifact, root };
}

function descriptorFacts(
  attributes: Readonly<Record<string, string>>,
  built: BuiltPlatform,
): Partial<Descriptor> {
  const annotations = annotationsOf(attributes, "manifest-descriptor", built);
  return { platform: built.platform, ...(annotations && { annotations }) };
}

/** `annotation.k`, `annotation-index.k`, `annotation-manifest[linux/arm64].k`, …: those for one kind of document. */
export function annotationsOf(
  attributes: Readonly<Record<string, string>>,
  kind: "manifest" | "index" | "manifest-descriptor" | "index-descriptor",
  built: BuiltPlatform | undefined,
): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const parts =
      /^annotation(?:-(manifest-descriptor|manifest|index|index-descriptor))?(?:\[([^\]]+)\])?\.(.+)$/.exec(
        name,
      );
    if (parts === null) continue;
    const [, where = "manifest", platform, key] = parts;
    if (where !== kind || key === undefined) continue;
    if (platform !== undefined && (built === undefined || platform !== formatPlatform(built.platform)))
      continue;
    found[key] = value;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}
