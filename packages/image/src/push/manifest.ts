import { type Digest, encoded } from "@berth/base";
import { type Descriptor, layerCompression, type Manifest, MEDIA_TYPE } from "@berth/spec";

const OCI_LAYERS = {
  none: MEDIA_TYPE.ociLayer,
  gzip: MEDIA_TYPE.ociLayerGzip,
  zstd: MEDIA_TYPE.ociLayerZstd,
} as const;

/**
 * The manifest of an image: Docker's schema 2, byte for byte as Docker writes it, so that the same image has the same digest
 * from both; OCI's when a layer is compressed in a way that schema 2 does not know.
 */
export function writeManifest(
  config: { digest: Digest; size: number },
  layers: readonly Descriptor[],
): { mediaType: string; bytes: Uint8Array } {
  const oci = layers.some(({ mediaType }) => layerCompression(mediaType) !== "gzip");
  const mediaType = oci ? MEDIA_TYPE.ociManifest : MEDIA_TYPE.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: oci ? MEDIA_TYPE.ociConfig : MEDIA_TYPE.dockerConfig,
      size: config.size,
      digest: config.digest,
    },
    layers: layers.map((layer) => ({
      mediaType: oci ? OCI_LAYERS[layerCompression(layer.mediaType) ?? "gzip"] : MEDIA_TYPE.dockerLayerGzip,
      size: layer.size,
      digest: layer.digest,
    })),
  };
  const text = oci ? JSON.stringify(manifest) : JSON.stringify(manifest, null, 3);
  return { mediaType, bytes: Buffer.from(text) };
}

/** True when a manifest names exactly these layers. */
export function namesLayers(manifest: Manifest, layers: readonly Descriptor[]): boolean {
  return (
    manifest.layers.length === layers.length &&
    manifest.layers.every((each, n) => each.digest === layers[n]!.digest)
  );
}

/** How a layer is called in messages of a push. */
export function pushedName(diffId: Digest): string {
  return encoded(diffId).slice(0, 12);
}
