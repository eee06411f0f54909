import type { ImageSummary } from "@berth/api";
import type { Client } from "../../client.ts";
import { versionLessThan } from "../../version.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface ImageListOptions {
  /** Intermediate images too. */
  all?: boolean;
  sharedSize?: boolean;
  /** Since API 1.47. */
  manifests?: boolean;
  filters?: FilterValues;
  signal?: AbortSignal;
}

/** GET /images/json */
export function imageList(client: Client, options: ImageListOptions = {}): Promise<ImageSummary[]> {
  return client.json({
    method: "GET",
    path: "/images/json",
    query: (version) => ({
      ...(options.all && { all: true }),
      ...encodeFilters(options.filters),
      ...(options.manifests && !versionLessThan(version, "1.47") && { manifests: true }),
      ...(options.sharedSize && !versionLessThan(version, "1.42") && { "shared-size": true }),
    }),
    signal: options.signal,
  });
}
