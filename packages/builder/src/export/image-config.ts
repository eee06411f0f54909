import type { Digest } from "@berth/base";
import type { ImageConfigFile, ImageHistory } from "@berth/spec";
import type { StepResult } from "../cache/cache.ts";
import { INLINE_MEMBER } from "../cache/manifest.ts";
import type { ImageNode, TargetImage } from "../graph/operation.ts";

/** A layer of the image that is being exported. */
export interface ExportLayer {
  diffId: Digest;
  /** Bytes of its files. */
  size: number;
  /** The step that made it; absent for the base image's. */
  result?: StepResult;
}

export interface ExportImage {
  config: ImageConfigFile;
  /** What the image's id is the digest of. */
  bytes: Uint8Array;
  layers: ExportLayer[];
}

/**
 * The configuration and the layers of a target. Times come from the steps, so that the same cached steps give the same image;
 * with `epoch` (seconds since 1970) all are that one.
 */
export function exportImage(
  image: TargetImage,
  base: ImageNode | undefined,
  baseSizes: readonly number[],
  results: readonly StepResult[],
  options: { epoch: number | undefined; cacheInfo?: string },
): ExportImage {
  const layers: ExportLayer[] = (base?.diffIds ?? []).map((diffId, index) => ({
    diffId,
    size: baseSizes[index] ?? 0,
  }));
  const history: ImageHistory[] = image.history
    .slice(0, image.inheritedHistory)
    .map((entry) => ({ ...entry }));
  const { epoch } = options;
  const fixed = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString().replace(".000Z", "Z");
  const own = image.history.slice(image.inheritedHistory);
  const steps = results.slice();
  const first = steps[0];
  // What needs no layer happened, as far as anyone can tell, with the step before it.
  let time = fixed ?? (first === undefined ? undefined : timeOf(first));
  for (const entry of own) {
    const written: ImageHistory = { ...entry };
    if (entry.empty_layer !== true) {
      const result = steps.shift();
      if (result !== undefined) {
        time = fixed ?? timeOf(result);
        if (result.layer === undefined || result.diffId === undefined) written.empty_layer = true;
        else layers.push({ diffId: result.diffId, size: result.size, result });
      }
    }
    history.push({ ...(time !== undefined && { created: time }), ...written });
  }
  const last = [...history].reverse().find((entry) => entry.created !== undefined)?.created;
  const created = fixed ?? last ?? new Date(0).toISOString();
  const config: ImageConfigFile = {
    architecture: image.platform.architecture,
    ...(image.author !== undefined && { author: image.author }),
    config: image.config,
    created,
    history,
    ...(options.cacheInfo !== undefined && { [INLINE_MEMBER]: options.cacheInfo }),
    os: image.platform.os,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    ...(image.platform.variant !== undefined && { variant: image.platform.variant }),
  };
  return { config, bytes: Buffer.from(JSON.stringify(config)), layers };
}

function timeOf(result: StepResult): string {
  return new Date(result.created).toISOString();
}
