import { mkdirSync } from "node:fs";
import type { CacheEndpoint } from "@berth/api/build";
import { compress, startJob } from "@berth/archive";
import { invalidParameter, log, messageOf } from "@berth/base";
import {
  ANNOTATION_REF_NAME,
  type Descriptor,
  MEDIA_TYPE,
  parseReference,
  withDefaultTag,
} from "@berth/spec";
import { layoutArchive } from "../export/archive.ts";
import type { Artifact } from "../export/artifact.ts";
import { blobOptions, layerBlobs } from "../export/blobs.ts";
import type { BuiltPlatform } from "../export/built.ts";
import { documentOf } from "../export/document.ts";
import type { ExportWork } from "../export/export.ts";
import { flagOf } from "../export/flag.ts";
import type { LayerDigests } from "../export/layer-digests.ts";
import { writeOutput } from "../export/output.ts";
import { pushArtifact } from "../export/push.ts";
import { CACHE_CONFIG, type CachedMount, type CachedStep, cachedStep } from "./manifest.ts";

/** The text that `type=inline` puts into an image's configuration; undefined when nobody asked for it. */
export function inlineCache(endpoints: readonly CacheEndpoint[], built: BuiltPlatform): string | undefined {
  if (!endpoints.some(({ type }) => type === "inline")) return undefined;
  const steps = built.solved.results.map((result) => cachedStep(result));
  return Buffer.from(JSON.stringify({ steps })).toString("base64");
}

/**
 * `--cache-to`: the steps of the result (`mode=min`), or of all stages (`mode=max`), with their layers. A failure is the build's,
 * unless `ignore-error` says otherwise. @returns what the client is told: it lists the manifest in its own folder's index.
 */
export async function exportCache(work: ExportWork, digests: LayerDigests): Promise<Record<string, string>> {
  const { scope } = work;
  const response: Record<string, string> = {};
  for (const endpoint of scope.request.cacheTo ?? []) {
    const { type, attributes } = endpoint;
    if (type === "inline") continue;
    if (type !== "local" && type !== "registry")
      throw invalidParameter(`unknown cache exporter: ${JSON.stringify(type)}`);
    try {
      await scope.steps.run(
        `exporting cache to ${type === "local" ? "client directory" : type}`,
        async (step) => {
          const artifact = await cacheArtifact(work, endpoint, digests);
          if (type === "registry") {
            const reference = withDefaultTag(parseReference(attributes.ref ?? ""));
            const insecure = flagOf(attributes, "registry.insecure", false);
            await pushArtifact(scope, artifact, reference, step, { insecure });
            return;
          }
          const { folder } = endpoint;
          const annotations = { [ANNOTATION_REF_NAME]: attributes.tag ?? "latest" };
          const archive = layoutArchive(scope, artifact, [], { docker: false, annotations });
          if (folder?.kind === "stream" && folder.write !== undefined) {
            await writeOutput({ kind: "stream", write: folder.write.bind(folder) }, archive, scope.signal);
            response["cache.manifest"] = JSON.stringify(artifact.root.descriptor);
            return;
          }
          const path = folder?.kind === "folder" ? folder.path : undefined;
          if (path === undefined) throw invalidParameter("local cache exporter requires dest");
          mkdirSync(path, { recursive: true });
          await writeOutput({ kind: "folder", path }, archive, scope.signal);
        },
      );
    } catch (error) {
      if (!flagOf(attributes, "ignore-error", false)) throw error;
      log.warn("the build cache could not be exported", { error: messageOf(error) });
    }
  }
  return response;
}

async function cacheArtifact(
  work: ExportWork,
  endpoint: CacheEndpoint,
  digests: LayerDigests,
): Promise<Artifact> {
  const { scope, built } = work;
  const options = blobOptions({ compression: "zstd", ...endpoint.attributes }, false);
  const images = await work.images();
  const steps: CachedStep[] = [];
  const blobs: Descriptor[] = [];
  const add = (result: Parameters<typeof cachedStep>[0], blob: Descriptor | undefined) => {
    if (steps.some((step) => step.canonical === result.canonical)) return;
    steps.push(cachedStep(result, blob));
    if (blob !== undefined) blobs.push(blob);
  };
  for (const [index, each] of built.entries()) {
    const image = images[index];
    if (image === undefined) continue;
    const layers = await layerBlobs(scope, each, image, options);
    for (const result of each.solved.results) {
      const at = image.layers.findIndex((layer) => layer.result === result);
      add(result, layers[at]);
    }
    if (endpoint.attributes.mode !== "max") continue;
    for (const other of each.all()) {
      await digests.describe(other, [], scope.signal);
      if (other.layer === undefined || other.diffId === undefined) {
        add(other, undefined);
        continue;
      }
      const alone = { ...image, layers: [{ diffId: other.diffId, size: other.size, result: other }] };
      const [blob] = await layerBlobs(scope, { ...each, base: undefined }, alone, options);
      add(other, blob);
    }
  }
  const mounts = flagOf(endpoint.attributes, "cache-mounts", false) ? await mountBlobs(work) : [];
  blobs.push(...mounts.map(({ blob }) => blob));
  const config = documentOf(CACHE_CONFIG, { steps, ...(mounts.length > 0 && { mounts }) });
  const manifest = documentOf(MEDIA_TYPE.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: config.descriptor,
    layers: blobs,
  });
  return {
    root: manifest,
    manifests: [manifest],
    configs: [config],
    blobs,
    images: [{ config, layers: blobs }],
  };
}

/** The folders of `RUN --mount=type=cache` of all steps of the build, those aside that start from something. */
async function mountBlobs({ scope, built }: ExportWork): Promise<CachedMount[]> {
  const { content } = scope.context.parts;
  const ids = built.flatMap(({ graph }) =>
    graph.nodes.flatMap((node) =>
      node.type === "run"
        ? node.mounts.flatMap((each) => (each.type === "cache" && each.from === undefined ? [each.id] : []))
        : [],
    ),
  );
  const mounts: CachedMount[] = [];
  for (const id of new Set(ids)) {
    const path = scope.context.cacheMounts.find(id);
    if (path === undefined) continue;
    const job = startJob(
      { job: "pack", view: { kind: "folder", path }, sparse: false },
      { signal: scope.signal },
    );
    const writer = await content.writer({ lease: scope.hold.lease, encoding: "identity" });
    await using _discarded = writer;
    for await (const piece of compress("zstd", job.stdout)) {
      writer.write(piece);
      await writer.drain();
    }
    await job.result;
    const { digest, size } = await writer.commit();
    mounts.push({ id, blob: { mediaType: MEDIA_TYPE.ociLayerZstd, digest, size } });
  }
  return mounts;
}
