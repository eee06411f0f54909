import type { DiskUsage, ImageSummary } from "@berth/api";
import { summarise } from "../container/list.ts";
import type { EngineContext } from "../context.ts";

export interface DiskUsageOptions {
  containers: boolean;
  images: boolean;
  volumes: boolean;
  buildCache: boolean;
}

/** The image store's part of GET /system/df. */
export interface ImageUsage {
  /** All images but those that are only steps, with the space that they share. */
  images(): Promise<ImageSummary[]>;
  layersSize(): Promise<number>;
}

/** GET /system/df: only the parts that were asked. */
export async function diskUsage(
  engine: EngineContext,
  images: ImageUsage,
  options: DiskUsageOptions,
  signal: AbortSignal,
): Promise<DiskUsage> {
  const usage: DiskUsage = {};
  const parts: Promise<unknown>[] = [];
  if (options.images) {
    parts.push(
      images.images().then((found) => {
        usage.Images = found;
      }),
      images.layersSize().then((size) => {
        usage.LayersSize = size;
      }),
    );
  }
  if (options.containers) {
    const all = [...engine.containers.all()].filter(({ record }) => !record.incomplete);
    parts.push(
      Promise.all(all.map((container) => summarise(engine, container, true))).then((found) => {
        usage.Containers = found;
      }),
    );
  }
  if (options.volumes) {
    parts.push(
      engine.volumes.usage(signal).then((found) => {
        usage.Volumes = found;
      }),
    );
  }
  if (options.buildCache) usage.BuildCache = [];
  await Promise.all(parts);
  return usage;
}
