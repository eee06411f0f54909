/** Media types of OCI image-spec media-types.md and of Docker's image manifest schema 2. */
export const MEDIA_TYPE = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  ociEmpty: "application/vnd.oci.empty.v1+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
} as const;

export function isIndexType(type: string): boolean {
  return type === MEDIA_TYPE.ociIndex || type === MEDIA_TYPE.dockerManifestList;
}

export function isManifestType(type: string): boolean {
  return type === MEDIA_TYPE.ociManifest || type === MEDIA_TYPE.dockerManifest;
}

export function isConfigType(type: string): boolean {
  return type === MEDIA_TYPE.ociConfig || type === MEDIA_TYPE.dockerConfig;
}

export type LayerCompression = "none" | "gzip" | "zstd";

/** Whether content of this type may be a layer: Docker goes by the beginning, and unpacks what it finds. */
export function isLayerType(type: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\./.test(type);
}

/** False for layers that are not pushed with their image: who needs them finds them where their descriptor says. */
export function isDistributed(type: string | undefined): boolean {
  return !/\.nondistributable\.|\.foreign\./.test(type ?? "");
}

/** What the type says about a layer; undefined: it says nothing of that. */
export function layerCompression(type: string): LayerCompression | undefined {
  // Deprecated types of layers that must not be distributed are layers all the same.
  switch (type.replace(".nondistributable", "").replace(".rootfs.foreign.", ".rootfs.")) {
    case MEDIA_TYPE.ociLayer:
    case MEDIA_TYPE.dockerLayer:
      return "none";
    case MEDIA_TYPE.ociLayerGzip:
    case MEDIA_TYPE.dockerLayerGzip:
      return "gzip";
    case MEDIA_TYPE.ociLayerZstd:
    case MEDIA_TYPE.dockerLayerZstd:
      return "zstd";
    default:
      return undefined;
  }
}
