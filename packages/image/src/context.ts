import { type Digest, ZERO_TIME } from "@berth/base";
import type { Content } from "@berth/content";
import type { Snapshots, Trash } from "@berth/snapshot";
import { familiarReference } from "@berth/spec";
import type { Catalog, ImageRecord } from "./catalog/catalog.ts";
import type { ImageJobs } from "./jobs.ts";
import type { Holds } from "./layers/holds.ts";
import type { ImageEvent, ImageUsers } from "./store.ts";
import type { Transfers } from "./transfers.ts";

/** What every operation on images works with; made once, holds no behaviour. */
export interface ImageContext {
  catalog: Catalog;
  content: Content;
  snapshots: Snapshots;
  jobs: ImageJobs;
  holds: Holds;
  /** A folder of the daemon for scratch files; emptied at the start. */
  scratch: string;
  /** Where scratch folders go when they are done with. */
  trash: Trash;
  users: ImageUsers;
  transfers: Transfers;
  emit: (event: ImageEvent) => void;
}

/** Announces what happened to an image, with its labels, as Docker does. */
export function imageEvent(
  context: ImageContext,
  action: ImageEvent["action"],
  image: Pick<ImageRecord, "config">,
  id: string,
  name: string,
): void {
  context.emit({ action, id, name, attributes: { ...image.config.config?.Labels } });
}

/** Tags and digest references as people see them. */
export function familiarNames(context: ImageContext, id: Digest): { tags: string[]; digests: string[] } {
  const tags: string[] = [];
  const digests: string[] = [];
  for (const reference of context.catalog.references(id)) {
    (reference.digest === undefined ? tags : digests).push(familiarReference(reference));
  }
  return { tags, digests };
}

/** Bytes of the files of all layers; a layer that is missing counts nothing. */
export function imageSize(context: ImageContext, image: ImageRecord): number {
  let size = 0;
  for (const chainId of image.chain) {
    if (context.snapshots.has(chainId)) size += context.snapshots.layerSize(chainId);
  }
  return size;
}

/** Milliseconds since 1970; 0 when the configuration does not say. */
export function createdTime(image: ImageRecord): number {
  const time = Date.parse(image.config.created ?? "");
  return Number.isNaN(time) ? 0 : time;
}

/** Seconds since 1970, as lists show it; those of Go's zero time when it is not known, which clients show as none. */
export function createdSeconds(created: string | undefined): number {
  const time = Date.parse(created || ZERO_TIME);
  return Math.floor((Number.isNaN(time) ? Date.parse(ZERO_TIME) : time) / 1000);
}
