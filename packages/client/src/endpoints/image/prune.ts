import type { ImagesPruneReport } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

/** POST /images/prune: removes unused images; with `dangling=false` also those with a name. */
export function imagePrune(
  client: Client,
  options: { filters?: FilterValues; signal?: AbortSignal } = {},
): Promise<ImagesPruneReport> {
  return client.json({
    method: "POST",
    path: "/images/prune",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
