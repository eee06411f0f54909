import type { NetworkInspect } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface NetworkListOptions {
  filters?: FilterValues;
  signal?: AbortSignal;
}

/** GET /networks */
export function networkList(client: Client, options: NetworkListOptions = {}): Promise<NetworkInspect[]> {
  return client.json({
    method: "GET",
    path: "/networks",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
