import type { NetworksPruneReport } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

/** POST /networks/prune: removes unused networks. */
export function networkPrune(
  client: Client,
  options: { filters?: FilterValues; signal?: AbortSignal } = {},
): Promise<NetworksPruneReport> {
  return client.json({
    method: "POST",
    path: "/networks/prune",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
