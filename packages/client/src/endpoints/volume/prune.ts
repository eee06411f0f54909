import type { VolumesPruneReport } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

/** POST /volumes/prune: removes unused anonymous volumes; with `all=true` also those with a name. */
export function volumePrune(
  client: Client,
  options: { filters?: FilterValues; signal?: AbortSignal } = {},
): Promise<VolumesPruneReport> {
  return client.json({
    method: "POST",
    path: "/volumes/prune",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
