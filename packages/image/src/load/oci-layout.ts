import { encoded, invalidParameter, isKind, notFound } from "@berth/base";
import {
  ANNOTATION_CONTAINERD_NAME,
  ANNOTATION_REF_NAME,
  bestPlatform,
  type Descriptor,
  formatPlatform,
  hostPlatform,
  isConfigType,
  isIndexType,
  isLayerType,
  isManifest,
  isManifestType,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  type Manifest,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifestOrIndex,
  parseReference,
  type Reference,
  withDefaultTag,
} from "@berth/spec";
import type { LayerSource } from "../layers/unpack.ts";
import type { ArchiveMembers } from "./archive-members.ts";
import type { FoundImage } from "./docker-archive.ts";

export const OCI_INDEX = "index.json";

/** Indexes inside of indexes. */
const MAX_DEPTH = 4;
const MAX_IMAGES = 1000;

/** Reads an OCI image layout (image-layout.md). @throws invalid-parameter; not-found when nothing serves the platform. */
export async function readOciLayout(
  members: ArchiveMembers,
  platform: Platform | undefined,
): Promise<(() => Promise<FoundImage>)[]> {
  const index = parseIndex(await members.bytes(OCI_INDEX, MAX_MANIFEST_BYTES));
  const byDigest = new Map<string, { descriptor: Descriptor; names: Reference[] }>();
  for (const descriptor of index.manifests.slice(0, MAX_IMAGES)) {
    if (!isIndexType(descriptor.mediaType) && !isManifestType(descriptor.mediaType)) continue;
    const found = byDigest.get(descriptor.digest) ?? { descriptor, names: [] };
    const name = nameOf(descriptor);
    if (name !== undefined) found.names.push(name);
    byDigest.set(descriptor.digest, found);
  }
  const wanted = platform ?? hostPlatform();
  let descriptors = [...byDigest.values()];
  // Several platforms of one image, without an index around them.
  const serving = descriptors.filter(({ descriptor }) => descriptor.platform !== undefined);
  if (
    serving.length > 1 &&
    serving.length === descriptors.length &&
    serving.every((each) => each.names.length === 0)
  ) {
    const best = bestPlatform(wanted, serving, (each) => each.descriptor.platform);
    if (best === undefined) throw noPlatform(wanted);
    descriptors = [best];
  }
  return descriptors.map(({ descriptor, names }) => async () => {
    const manifest = await findManifest(members, descriptor, wanted, platform !== undefined);
    return await readImage(members, manifest, names);
  });
}

/**
 * The name that an entry of the index gives: in full by containerd's and Docker's annotation; in OCI's own by skopeo and
 * podman, where others put only a tag, which names nothing by itself.
 */
function nameOf(descriptor: Descriptor): Reference | undefined {
  const full = descriptor.annotations?.[ANNOTATION_CONTAINERD_NAME];
  const short = descriptor.annotations?.[ANNOTATION_REF_NAME];
  const text = full ?? (short !== undefined && /[:/]/.test(short) ? short : undefined);
  if (text === undefined) return undefined;
  try {
    const { digest, ...name } = withDefaultTag(parseReference(text));
    return digest === undefined || name.tag !== undefined ? name : undefined;
  } catch (error) {
    if (isKind(error, "invalid-parameter")) return undefined;
    throw error;
  }
}

function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${encoded(descriptor.digest)}`;
}

/** The bytes of a small blob, held against its descriptor. */
async function document(
  members: ArchiveMembers,
  descriptor: Descriptor,
  maximum: number,
): Promise<Uint8Array> {
  const path = blobPath(descriptor);
  const bytes = await members.bytes(path, maximum);
  verify(members, descriptor);
  return bytes;
}

function verify(members: ArchiveMembers, descriptor: Descriptor): void {
  const file = members.get(blobPath(descriptor))!;
  if (file.digest !== descriptor.digest) {
    throw invalidParameter(`invalid archive: ${blobPath(descriptor)} has the digest ${file.digest}`);
  }
  if (file.size !== descriptor.size) {
    throw invalidParameter(
      `invalid archive: ${blobPath(descriptor)} has ${file.size} bytes, its descriptor says ${descriptor.size}`,
    );
  }
}

async function findManifest(
  members: ArchiveMembers,
  start: Descriptor,
  wanted: Platform,
  strict: boolean,
): Promise<Manifest> {
  let descriptor = start;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const bytes = await document(members, descriptor, MAX_MANIFEST_BYTES);
    const found = parseManifestOrIndex(bytes, descriptor.mediaType);
    if (isManifest(found)) return found;
    const candidates = found.manifests.filter(
      (each) => isManifestType(each.mediaType) || isIndexType(each.mediaType),
    );
    const only = candidates.length === 1 && !strict ? candidates[0] : undefined;
    const best = bestPlatform(wanted, candidates, (each) => each.platform) ?? only;
    if (best === undefined) throw noPlatform(wanted);
    descriptor = best;
  }
  throw invalidParameter("invalid archive: too many indexes inside of indexes");
}

function noPlatform(wanted: Platform): Error {
  return notFound(`no image in the archive is for the platform ${formatPlatform(wanted)}`);
}

async function readImage(
  members: ArchiveMembers,
  manifest: Manifest,
  names: Reference[],
): Promise<FoundImage> {
  if (!isConfigType(manifest.config.mediaType)) {
    throw invalidParameter(
      `invalid archive: ${JSON.stringify(manifest.config.mediaType.slice(0, 200))} is not the configuration of an image`,
    );
  }
  const configBytes = await document(members, manifest.config, MAX_CONFIG_BYTES);
  const config = parseImageConfig(configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw invalidParameter(
      `invalid manifest, layers length mismatch: expected ${manifest.layers.length}, got ${diffIds.length}`,
    );
  }
  const layers: LayerSource[] = [];
  for (const [n, descriptor] of manifest.layers.entries()) {
    if (!isLayerType(descriptor.mediaType)) {
      throw invalidParameter(`unsupported media type ${descriptor.mediaType.slice(0, 200)}`);
    }
    const { digest } = await members.blob(blobPath(descriptor));
    verify(members, descriptor);
    layers.push({ diffId: diffIds[n]!, blob: digest });
  }
  return { configBytes, config, layers, names, parent: undefined };
}
