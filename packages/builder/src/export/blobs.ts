import {
  compress,
  DETECTION_BYTES,
  decompress,
  detectCompression,
  detectStream,
  startJob,
} from "@berth/archive";
import { type Digest, invalidParameter, systemError } from "@berth/base";
import { chainIds, type Descriptor, MEDIA_TYPE } from "@berth/spec";
import type { BuildScope } from "../solve/scope.ts";
import type { BuiltPlatform } from "./built.ts";
import { flagOf } from "./flag.ts";
import type { ExportImage } from "./image-config.ts";

export type LayerCompression = "uncompressed" | "gzip" | "zstd";

export interface BlobOptions {
  compression: LayerCompression;
  level?: number;
  /** Layers of the base image too, which else stay as they are when they are compressed in any way. */
  force: boolean;
  /** Docker's media types instead of OCI's. */
  docker: boolean;
}

/** Attributes `compression`, `compression-level`, `force-compression`, `oci-mediatypes`. @throws invalid-parameter */
export function blobOptions(attributes: Readonly<Record<string, string>>, docker: boolean): BlobOptions {
  const compression = attributes.compression || "gzip";
  if (compression !== "gzip" && compression !== "zstd" && compression !== "uncompressed") {
    throw invalidParameter(`unsupported layer compression type ${compression}`, {
      hint: "Layers can be gzip, zstd or uncompressed.",
    });
  }
  const level = attributes["compression-level"];
  if (level !== undefined && !/^\d+$/.test(level)) {
    throw invalidParameter(`non-integer value ${level} specified for compression-level`);
  }
  // Docker's own media types know no zstd and no annotations.
  const needsOci =
    compression === "zstd" || Object.keys(attributes).some((name) => /^annotation[-.[]/.test(name));
  return {
    compression,
    ...(level !== undefined && { level: Number(level) }),
    force: flagOf(attributes, "force-compression", false),
    docker: !needsOci && !flagOf(attributes, "oci-mediatypes", !docker),
  };
}

/** The layers of an image as blobs in the content store, base first; held by the build. */
export async function layerBlobs(
  scope: BuildScope,
  built: BuiltPlatform,
  image: ExportImage,
  options: BlobOptions,
): Promise<Descriptor[]> {
  const descriptors: Descriptor[] = [];
  const known = await baseBlobs(scope, built);
  const chain = chainIds(built.base?.diffIds ?? []);
  for (const [index, layer] of image.layers.entries()) {
    scope.signal.throwIfAborted();
    const { digest, size, compression } =
      layer.result?.layer === undefined
        ? await storeBase(scope, known[index], options)
        : await store(
            scope,
            fromLayer(scope, layer.result.layer, [...chain, ...builtBelow(image, index)]),
            options,
          );
    descriptors.push({ mediaType: mediaTypeOf(compression, options.docker), digest, size });
  }
  return descriptors;
}

function builtBelow(image: ExportImage, index: number): Digest[] {
  return image.layers.slice(0, index).flatMap(({ result }) => result?.layer ?? []);
}

async function baseBlobs(scope: BuildScope, { base }: BuiltPlatform): Promise<Digest[]> {
  if (base === undefined || base.diffIds.length === 0) return [];
  const id = scope.baseImages.idOf(base.digest);
  const blobs = await scope.context.parts.images.layerBlobs(id, scope.hold, scope.signal);
  return blobs.map(({ blob }) => blob);
}

interface StoredLayer {
  digest: Digest;
  size: number;
  compression: LayerCompression;
}

/** A layer of the base image. One that is compressed already stays the blob that registries know, unless all shall be alike. */
async function storeBase(
  scope: BuildScope,
  blob: Digest | undefined,
  options: BlobOptions,
): Promise<StoredLayer> {
  const { content } = scope.context.parts;
  const place = blob === undefined ? undefined : content.locate(blob);
  if (blob !== undefined && !options.force && place?.encoding === "identity") {
    const head = await Bun.file(place.path).slice(0, DETECTION_BYTES).bytes();
    const compression = detectCompression(head);
    const size = content.size(blob);
    if ((compression === "gzip" || compression === "zstd") && size !== undefined) {
      scope.hold.lease.hold(blob);
      return { digest: blob, size, compression };
    }
  }
  return await store(scope, fromStore(scope, blob), options);
}

type Source = () => Promise<{ compression: string; pieces: AsyncIterable<Uint8Array> }>;

function fromStore(scope: BuildScope, blob: Digest | undefined): Source {
  return async () => {
    if (blob === undefined) throw systemError("a layer of the base image is not there");
    const { compression, source } = await detectStream(scope.context.parts.content.open(blob));
    return { compression, pieces: source };
  };
}

function fromLayer(scope: BuildScope, layer: Digest, below: readonly Digest[]): Source {
  const { snapshots } = scope.context.parts;
  return async () => {
    const [upper, patched] = snapshots.layerFolders(layer);
    const job = startJob(
      {
        job: "diff",
        upper: upper as string,
        ...(patched !== undefined && { below: patched }),
        kind: snapshots.driver === "vfs" ? "whole" : "overlay",
        base: snapshots.view(below.filter((each) => snapshots.has(each))),
      },
      { signal: scope.signal },
    );
    return {
      compression: "none",
      pieces: (async function* () {
        yield* job.stdout;
        await job.result;
      })(),
    };
  };
}

async function store(scope: BuildScope, source: Source, options: BlobOptions): Promise<StoredLayer> {
  const { compression: wanted, level } = options;
  let { compression, pieces } = await source();
  const wants = wanted === "uncompressed" ? "none" : wanted;
  if (compression !== wants) {
    if (compression !== "none") pieces = decompress(compression as "gzip", pieces);
    if (wants !== "none") pieces = compress(wants, pieces, level === undefined ? {} : { level });
    compression = wants;
  }
  const writer = await scope.context.parts.content.writer({ lease: scope.hold.lease, encoding: "identity" });
  await using _discarded = writer;
  for await (const piece of pieces) {
    scope.signal.throwIfAborted();
    writer.write(piece);
    await writer.drain();
  }
  const blob = await writer.commit();
  return { digest: blob.digest, size: blob.size, compression: wanted };
}

function mediaTypeOf(compression: LayerCompression, docker: boolean): string {
  switch (compression) {
    case "gzip":
      return docker ? MEDIA_TYPE.dockerLayerGzip : MEDIA_TYPE.ociLayerGzip;
    case "zstd":
      return docker ? MEDIA_TYPE.dockerLayerZstd : MEDIA_TYPE.ociLayerZstd;
    default:
      return docker ? MEDIA_TYPE.dockerLayer : MEDIA_TYPE.ociLayer;
  }
}
