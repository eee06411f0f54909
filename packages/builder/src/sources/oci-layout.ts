import { END_OF_ARCHIVE, encodeHeader, padding } from "@berth/archive";
import { type Digest, encoded, invalidParameter, isDigest, notFound } from "@berth/base";
import {
  ANNOTATION_CONTAINERD_NAME,
  ANNOTATION_REF_NAME,
  bestPlatform,
  type Descriptor,
  formatPlatform,
  isIndexType,
  isManifest,
  isManifestType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  MEDIA_TYPE,
  type Platform,
  parseIndex,
  parseManifestOrIndex,
} from "@berth/spec";
import { openInFolder, readInFolder } from "./read-in-folder.ts";

/** Indexes inside of indexes. */
const MAX_DEPTH = 4;

/** An image of an OCI layout, for one platform. */
export interface LayoutImage {
  /** Of the manifest. */
  digest: Digest;
  manifest: Manifest;
  /** An OCI layout that has nothing but this image. */
  archive(): AsyncGenerator<Uint8Array>;
}

/**
 * Finds an image in a folder that is an OCI layout. `selector`: `:tag`, `@digest`, both, or nothing.
 * @throws not-found, invalid-parameter for what is no layout
 */
export function imageInLayout(folder: string, selector: string, platform: Platform): LayoutImage {
  const index = readInFolder(folder, "index.json", MAX_MANIFEST_BYTES);
  if (index === undefined) {
    throw invalidParameter("the build context is no OCI layout: it has no index.json");
  }
  let descriptor = choose(parseIndex(index).manifests, selector, folder);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const bytes = document(folder, descriptor);
    const found = parseManifestOrIndex(bytes, descriptor.mediaType || undefined);
    if (isManifest(found)) {
      const chosen = { ...descriptor, mediaType: found.mediaType ?? MEDIA_TYPE.ociManifest };
      return {
        digest: descriptor.digest,
        manifest: found,
        archive: () => archiveOf(folder, chosen, bytes, found),
      };
    }
    const offered = found.manifests.filter(
      ({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType),
    );
    const best = bestPlatform(platform, offered, (each) => each.platform);
    if (best === undefined) {
      throw notFound(`no image in the OCI layout is for the platform ${formatPlatform(platform)}`);
    }
    descriptor = best;
  }
  throw invalidParameter("invalid OCI layout: too many indexes inside of indexes");
}

function choose(manifests: readonly Descriptor[], selector: string, folder: string): Descriptor {
  const at = selector.indexOf("@");
  const digest = at < 0 ? "" : selector.slice(at + 1);
  const tag = (at < 0 ? selector : selector.slice(0, at)).replace(/^:/, "");
  if (digest !== "") {
    if (!isDigest(digest))
      throw invalidParameter(`invalid digest ${JSON.stringify(digest)} of an OCI layout`);
    const known = manifests.find((each) => each.digest === digest);
    if (known !== undefined) return known;
    using file = openInFolder(folder, blobPath(digest));
    if (file === undefined) throw notFound(`${digest} is not in the OCI layout`);
    return { mediaType: "", digest, size: file.size };
  }
  const wanted = tag || "latest";
  const named = manifests.find(({ annotations }) => {
    const names = [annotations?.[ANNOTATION_REF_NAME], annotations?.[ANNOTATION_CONTAINERD_NAME]];
    return names.some((name) => name === wanted || name?.endsWith(`:${wanted}`));
  });
  const [only] = manifests;
  const chosen = named ?? (tag === "" && manifests.length === 1 ? only : undefined);
  if (chosen === undefined) throw notFound(`could not find tag ${JSON.stringify(wanted)} in the OCI layout`);
  return chosen;
}

const blobPath = (digest: Digest) => `blobs/sha256/${encoded(digest)}`;

/** A manifest or an index; whoever unpacks the archive verifies it. */
function document(folder: string, { digest }: Descriptor): Uint8Array {
  const bytes = readInFolder(folder, blobPath(digest), MAX_MANIFEST_BYTES);
  if (bytes === undefined) throw notFound(`${digest} is not in the OCI layout`);
  return bytes;
}

async function* archiveOf(
  folder: string,
  descriptor: Descriptor,
  bytes: Uint8Array,
  manifest: Manifest,
): AsyncGenerator<Uint8Array> {
  const { mediaType, digest } = descriptor;
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociIndex,
    manifests: [{ mediaType, digest, size: bytes.byteLength }],
  };
  yield* member("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* member("index.json", Buffer.from(JSON.stringify(index)));
  yield* member(blobPath(digest), bytes);
  const written = new Set<Digest>([digest]);
  for (const blob of [manifest.config, ...manifest.layers]) {
    if (written.has(blob.digest)) continue;
    written.add(blob.digest);
    using file = openInFolder(folder, blobPath(blob.digest));
    if (file === undefined) throw notFound(`${blob.digest} is not in the OCI layout`);
    yield head(blobPath(blob.digest), file.size);
    yield* file.pieces();
    yield new Uint8Array(padding(file.size));
  }
  yield END_OF_ARCHIVE;
}

function head(name: string, size: number): Uint8Array {
  return encodeHeader({
    type: "file",
    name,
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
  });
}

function* member(name: string, bytes: Uint8Array): Generator<Uint8Array> {
  yield head(name, bytes.byteLength);
  yield bytes;
  yield new Uint8Array(padding(bytes.byteLength));
}
