import { type Digest, encoded, sha256 } from "@berth/base";
import {
  ANNOTATION_CONTAINERD_NAME,
  ANNOTATION_REF_NAME,
  type Descriptor,
  familiarReference,
  familiarRepository,
  formatReference,
  type ImageIndex,
  type Manifest,
  MEDIA_TYPE,
  type Reference,
} from "@berth/spec";

export interface SavedLayer {
  diffId: Digest;
  /** Bytes of the uncompressed tar. */
  tarSize: number;
  /** Where the tar is, perhaps compressed. */
  blob: Digest;
}

/** An image to be written, with all that its documents say. */
export interface SavedImage {
  id: Digest;
  configBytes: Uint8Array;
  layers: SavedLayer[];
  names: Reference[];
  /** Of a parent that is saved too. */
  parent: Digest | undefined;
}

export const blobPath = (digest: Digest) => `blobs/sha256/${encoded(digest)}`;

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** The OCI manifest of an image whose layers are plain tars. */
export function manifestOf(image: SavedImage): Uint8Array {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: { mediaType: MEDIA_TYPE.ociConfig, digest: image.id, size: image.configBytes.byteLength },
    layers: image.layers.map(layerDescriptor),
  };
  return json(manifest);
}

function layerDescriptor({ diffId, tarSize }: SavedLayer): Descriptor {
  return { mediaType: MEDIA_TYPE.ociLayer, digest: diffId, size: tarSize };
}

/** `index.json`: one entry for each name, in containerd's and in OCI's annotation. */
export function indexOf(
  images: readonly SavedImage[],
  manifests: ReadonlyMap<Digest, Uint8Array>,
): Uint8Array {
  const entries: Descriptor[] = [];
  for (const image of images) {
    const bytes = manifests.get(image.id)!;
    const descriptor = { mediaType: MEDIA_TYPE.ociManifest, digest: sha256(bytes), size: bytes.byteLength };
    if (image.names.length === 0) entries.push(descriptor);
    for (const name of image.names) {
      entries.push({
        ...descriptor,
        annotations: {
          [ANNOTATION_CONTAINERD_NAME]: formatReference(name),
          [ANNOTATION_REF_NAME]: name.tag!,
        },
      });
    }
  }
  const index: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: entries };
  return json(index);
}

/** `manifest.json` of a docker-archive. */
export function dockerManifestOf(images: readonly SavedImage[]): Uint8Array {
  return json(
    images.map((image) => ({
      Config: blobPath(image.id),
      RepoTags: image.names.length > 0 ? image.names.map(familiarReference) : null,
      Layers: image.layers.map((layer) => blobPath(layer.diffId)),
      ...(image.parent !== undefined && { Parent: image.parent }),
      LayerSources: Object.fromEntries(image.layers.map((layer) => [layer.diffId, layerDescriptor(layer)])),
    })),
  );
}

/** `repositories`, which loaders before Docker 1.10 read. */
export function repositoriesOf(images: readonly SavedImage[]): Uint8Array {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { names, layers } of images) {
    const top = layers.at(-1);
    if (top === undefined) continue;
    for (const name of names) {
      const repository = familiarRepository(name);
      repositories[repository] = { ...repositories[repository], [name.tag!]: encoded(top.diffId) };
    }
  }
  return json(repositories);
}

export const OCI_LAYOUT = json({ imageLayoutVersion: "1.0.0" });
