import type { ProgressMessage } from "@berth/api";
import { sha256 } from "@berth/base";
import type { FakeRegistry } from "@berth/registry/testing";
import { MEDIA_TYPE } from "@berth/spec";
import { tarOf } from "./tar.test-helper.ts";

export interface MadeLayer {
  tar: Buffer;
  compression?: "gzip" | "zstd" | "none";
}

const TYPES = {
  gzip: MEDIA_TYPE.dockerLayerGzip,
  zstd: MEDIA_TYPE.ociLayerZstd,
  none: MEDIA_TYPE.ociLayer,
} as const;

/** Bytes that no compression makes smaller. */
export function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
  return bytes;
}

export function bigLayer(size: number): MadeLayer {
  return { tar: tarOf({ name: "big", content: noise(size) }), compression: "none" };
}

/** What is told of a pull, without its progress. */
export function statuses(messages: readonly ProgressMessage[]): string[] {
  return messages
    .filter(({ progressDetail }) => (progressDetail?.total ?? 0) === 0)
    .map(({ id, status }) => `${id ? `${id}: ` : ""}${status}`);
}

/** Puts an image into a registry. @returns its manifest's digest, its id, and the digest of each layer's blob. */
export function publishImage(
  registry: FakeRegistry,
  repository: string,
  tag: string,
  layers: readonly MadeLayer[],
  extra: { config?: object; layer?: object; platform?: string } = {},
) {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Labels: { made: "here" } },
      rootfs: { type: "layers", diff_ids: layers.map(({ tar }) => sha256(tar)) },
      ...extra.config,
    }),
  );
  const blobs = layers.map(({ tar, compression = "gzip" }) => {
    const bytes = new Uint8Array(tar);
    const blob =
      compression === "gzip"
        ? Bun.gzipSync(bytes)
        : compression === "zstd"
          ? Bun.zstdCompressSync(bytes)
          : bytes;
    return { mediaType: TYPES[compression], digest: registry.addBlob(blob), size: blob.length };
  });
  const type = layers.every((each) => (each.compression ?? "gzip") === "gzip")
    ? MEDIA_TYPE.dockerManifest
    : MEDIA_TYPE.ociManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: {
      mediaType: type === MEDIA_TYPE.dockerManifest ? MEDIA_TYPE.dockerConfig : MEDIA_TYPE.ociConfig,
      digest: registry.addBlob(config),
      size: config.length,
    },
    layers: blobs,
  };
  const digest = registry.addManifest(repository, tag, type, manifest);
  return {
    digest,
    id: sha256(config),
    blobs: blobs.map((each) => each.digest),
    descriptor: { mediaType: type, digest, size: Buffer.byteLength(JSON.stringify(manifest)) },
  };
}
