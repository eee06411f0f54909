import { type ImageSummary, untilFilter } from "@berth/api";
import type { Digest } from "@berth/base";
import { familiarReference, matchesPattern } from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import { findImage } from "../catalog/resolve.ts";
import { createdSeconds, createdTime, type ImageContext, imageSize } from "../context.ts";
import type { ImageListOptions } from "../store.ts";

/** `GET /images/json`: newest first. @throws invalid-parameter, not-found of `before` and `since`. */
export function listImages(context: ImageContext, options: ImageListOptions): ImageSummary[] {
  const { catalog } = context;
  const { filters } = options;
  const danglingOnly = filters.has("dangling") && filters.boolean("dangling", false);
  const namedOnly = filters.has("dangling") && !danglingOnly;
  const matches = recordFilter(context, options);
  const patterns = filters.get("reference");
  const summaries: { summary: ImageSummary; created: number; chain: readonly Digest[] }[] = [];
  for (const image of catalog.visible()) {
    if (!matches(image)) continue;
    const references = catalog
      .references(image.id)
      .filter(
        (reference) => patterns.length === 0 || patterns.some((each) => matchesPattern(each, reference)),
      );
    const tags = references.filter((each) => each.digest === undefined).map(familiarReference);
    const digests = references.filter((each) => each.digest !== undefined).map(familiarReference);
    if (references.length === 0) {
      if (namedOnly || patterns.length > 0) continue;
      if ((danglingOnly || !options.all) && catalog.children(image.id).length > 0) continue;
    } else if (danglingOnly && tags.length > 0) continue;
    summaries.push({
      summary: summaryOf(context, image, tags, digests),
      created: createdTime(image),
      chain: image.chain,
    });
  }
  if (options.sharedSize) addSharedSizes(context, summaries);
  return summaries.sort((a, b) => b.created - a.created).map(({ summary }) => summary);
}

function recordFilter(context: ImageContext, { filters }: ImageListOptions): (image: ImageRecord) => boolean {
  const timeOf = (key: "before" | "since") => {
    const names = filters.get(key);
    return names.length === 0 ? undefined : createdTime(findImage(context.catalog, names.at(-1)!));
  };
  const before = timeOf("before");
  const since = timeOf("since");
  const until = untilFilter(filters);
  return (image) => {
    const created = createdTime(image);
    if (before !== undefined && created >= before) return false;
    if (since !== undefined && created <= since) return false;
    if (until !== undefined && created >= until) return false;
    return !filters.has("label") || filters.labels("label", image.config.config?.Labels);
  };
}

function summaryOf(
  context: ImageContext,
  image: ImageRecord,
  tags: string[],
  digests: string[],
): ImageSummary {
  const size = imageSize(context, image);
  return {
    Containers: -1,
    Created: createdSeconds(image.config.created),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parent ?? "",
    RepoDigests: digests.length > 0 ? digests : null,
    RepoTags: tags.length > 0 ? tags : null,
    SharedSize: -1,
    Size: size,
    VirtualSize: size,
  };
}

/** Bytes that another image in the list has too: of the same layers, and of what patches are over. */
function addSharedSizes(
  { snapshots }: ImageContext,
  list: readonly { summary: ImageSummary; chain: readonly Digest[] }[],
): void {
  const unpacked = list.map(({ summary, chain }) => ({
    summary,
    layers: chain
      .filter((layer) => snapshots.has(layer))
      .map((layer) => ({ size: snapshots.layerSize(layer), parts: snapshots.layerParts(layer) })),
  }));
  const uses = new Map<Digest, number>();
  for (const { layers } of unpacked) {
    const ids = new Set(layers.flatMap(({ parts }) => parts.map(({ id }) => id)));
    for (const id of ids) uses.set(id, (uses.get(id) ?? 0) + 1);
  }
  for (const { summary, layers } of unpacked) {
    summary.SharedSize = 0;
    for (const { size, parts } of layers) {
      const own = parts.reduce((sum, part) => sum + ((uses.get(part.id) as number) > 1 ? 0 : part.size), 0);
      summary.SharedSize += Math.max(0, size - own);
    }
  }
}

/** Bytes that the unpacked layers of images take on the disk. */
export function layersSize({ catalog, snapshots }: ImageContext): number {
  const layers = new Set<Digest>();
  for (const image of catalog.all()) for (const layer of image.chain) layers.add(layer);
  const folders = new Map<Digest, number>();
  for (const layer of layers) {
    if (!snapshots.has(layer)) continue;
    for (const { id, size } of snapshots.layerParts(layer)) folders.set(id, size);
  }
  return folders.values().reduce((sum, size) => sum + size, 0);
}
