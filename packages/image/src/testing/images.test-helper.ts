import { sha256 } from "@berth/base";
import { tarOf } from "./tar.test-helper.ts";

export interface MadeImage {
  tar: Buffer;
  id: string;
  config: Buffer;
  layers: Buffer[];
}

/** A docker-archive as Docker 20 writes it, made by hand: layers in folders, the manifest last. */
export function dockerArchive(
  layers: Buffer[],
  names: string[] | null,
  extra: {
    config?: object;
    manifest?: object;
    members?: Parameters<typeof tarOf>;
    diffIds?: string[];
    layerFiles?: Buffer[];
  } = {},
): MadeImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      config: { Cmd: ["sh"], Env: ["PATH=/bin"], Labels: { made: "here" } },
      created: "2024-01-02T03:04:05.678901234Z",
      history: layers.map((_, n) => ({
        created: "2024-01-02T03:04:05Z",
        created_by: `step ${n}`,
        comment: `c${n}`,
      })),
      os: "linux",
      rootfs: { type: "layers", diff_ids: extra.diffIds ?? layers.map((layer) => sha256(layer)) },
      ...extra.config,
    }),
  );
  const name = `${sha256(config).slice(7)}.json`;
  const manifest = [
    { Config: name, RepoTags: names, Layers: layers.map((_, n) => `${n}/layer.tar`), ...extra.manifest },
  ];
  const tar = tarOf(
    { name, content: config },
    ...layers.flatMap((layer, n) => [
      { name: `${n}/`, type: "directory" as const, mode: 0o755 },
      { name: `${n}/VERSION`, content: "1.0" },
      { name: `${n}/layer.tar`, content: extra.layerFiles?.[n] ?? layer },
    ]),
    ...(extra.members ?? []),
    { name: "manifest.json", content: JSON.stringify(manifest) },
  );
  return { tar, id: sha256(config), config, layers };
}

/** A layer with one file. */
export function layer(name: string, content: string): Buffer {
  return tarOf({ name, content });
}

/** The same in an OCI layout. `compress` makes the layer's blob. */
export function ociArchive(
  layers: Buffer[],
  annotations: Record<string, string> | undefined,
  options: {
    compress?: (layer: Buffer) => Uint8Array;
    mediaType?: string;
    damage?: boolean;
    platforms?: string[];
  } = {},
): MadeImage {
  const compress = options.compress ?? ((each: Buffer) => each);
  const made = dockerArchive(layers, null);
  const blobs = new Map<string, Uint8Array>([[made.id, made.config]]);
  const put = (bytes: Uint8Array) => {
    blobs.set(sha256(bytes), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const manifest = put(
    json({
      schemaVersion: 2,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: made.id,
        size: made.config.length,
      },
      layers: layers.map((each) => ({
        mediaType: options.mediaType ?? "application/vnd.oci.image.layer.v1.tar",
        ...put(compress(each)),
      })),
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  let entry: object = { mediaType, ...manifest, ...(annotations && { annotations }) };
  if (options.platforms !== undefined) {
    const manifests = options.platforms.map((platform) => {
      const [os, architecture] = platform.split("/");
      return { mediaType, ...manifest, platform: { os, architecture } };
    });
    const index = put(
      json({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests }),
    );
    entry = {
      mediaType: "application/vnd.oci.image.index.v1+json",
      ...index,
      ...(annotations && { annotations }),
    };
  }
  const tar = tarOf(
    { name: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: "index.json", content: json({ schemaVersion: 2, manifests: [entry] }) },
    ...[...blobs].map(([digest, bytes], n) => ({
      name: `blobs/sha256/${digest.slice(7)}`,
      content: options.damage && n === 1 ? Buffer.concat([bytes, Buffer.from("x")]) : bytes,
    })),
  );
  return { ...made, tar };
}
