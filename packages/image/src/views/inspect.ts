import type { HistoryItem, ImageInspect } from "@berth/api";
import { notFound, ZERO_TIME } from "@berth/base";
import {
  familiarReference,
  formatPlatform,
  normalisePlatform,
  parsePlatform,
  platformRank,
} from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import { findImage } from "../catalog/resolve.ts";
import { toContainerConfig } from "../config.ts";
import { createdSeconds, familiarNames, type ImageContext, imageSize } from "../context.ts";

/** `GET /images/{name}/json`. @throws not-found. */
export function inspectImage(context: ImageContext, name: string, platform?: string): ImageInspect {
  const image = findForPlatform(context, name, platform);
  const { config } = image;
  const { tags, digests } = familiarNames(context, image.id);
  const size = imageSize(context, image);
  return {
    Id: image.id,
    RepoTags: tags,
    RepoDigests: digests,
    Parent: image.parent ?? "",
    Comment: config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? ZERO_TIME,
    Container: config.container ?? "",
    ContainerConfig: toContainerConfig(config.container_config as ImageRecord["config"]["config"]),
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: toContainerConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant !== undefined && config.variant !== "" && { Variant: config.variant }),
    Os: config.os,
    ...(config["os.version"] !== undefined && { OsVersion: config["os.version"] }),
    Size: size,
    VirtualSize: size,
    GraphDriver: { Data: graphData(context, image), Name: context.snapshots.driver },
    RootFS: { Type: "layers", Layers: [...config.rootfs.diff_ids] },
    Metadata: { LastTagTime: image.lastTagged },
  };
}

function graphData(context: ImageContext, image: ImageRecord): Record<string, string> | null {
  const { snapshots } = context;
  return image.chain.every((layer) => snapshots.has(layer)) ? snapshots.metadata(image.chain) : null;
}

/** `GET /images/{name}/history`: newest first. @throws not-found. */
export function imageHistory(context: ImageContext, name: string, platform?: string): HistoryItem[] {
  const image = findForPlatform(context, name, platform);
  const items: HistoryItem[] = [];
  let layer = 0;
  for (const step of image.config.history ?? []) {
    const chainId = step.empty_layer ? undefined : image.chain[layer++];
    items.unshift({
      Comment: step.comment ?? "",
      Created: createdSeconds(step.created),
      CreatedBy: step.created_by ?? "",
      Id: "<missing>",
      Size:
        chainId !== undefined && context.snapshots.has(chainId) ? context.snapshots.layerSize(chainId) : 0,
      Tags: null,
    });
  }
  let step: ImageRecord | undefined = image;
  for (const item of items) {
    if (step === undefined) break;
    item.Id = step.id;
    const tags = context.catalog
      .references(step.id)
      .filter((reference) => reference.digest === undefined)
      .map(familiarReference);
    if (tags.length > 0) item.Tags = tags;
    const parent: ImageRecord | undefined = step.parent && context.catalog.get(step.parent);
    step = parent?.retained ? undefined : parent;
  }
  return items;
}

/** @throws not-found also when the image is of another platform. */
export function findForPlatform(
  context: ImageContext,
  name: string,
  platform: string | undefined,
): ImageRecord {
  const image = findImage(context.catalog, name);
  if (platform !== undefined && platform !== "") checkPlatform(image, name, platform);
  return image;
}

/** @throws not-found when the image is of another platform than the query's. */
export function checkPlatform(image: Pick<ImageRecord, "config">, name: string, platform: string): void {
  const wanted = requestedPlatform(platform);
  const { architecture, os, variant } = image.config;
  const own = normalisePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  if (platformRank(wanted, own) < 0) {
    throw notFound(
      `image with reference ${name} was found but its platform (${formatPlatform(own)}) does not match the specified platform (${formatPlatform(wanted)})`,
    );
  }
}

/** A platform in a query: `linux/arm64`, or since API 1.46 the OCI form in JSON. */
export function requestedPlatform(text: string): ReturnType<typeof parsePlatform> {
  if (!text.startsWith("{")) return parsePlatform(text);
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The sentence for a text that is no platform says it.
  }
  const part = (key: string) => (typeof json[key] === "string" ? (json[key] as string) : "");
  return parsePlatform(
    [part("os"), part("architecture"), part("variant")].filter((each) => each !== "").join("/"),
  );
}
