import type { VolumeListResponse } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface VolumeListOptions {
  filters?: FilterValues;
  signal?: AbortSignal;
}

/** GET /volumes */
export function volumeList(client: Client, options: VolumeListOptions = {}): Promise<VolumeListResponse> {
  return client.json({
    method: "GET",
    path: "/volumes",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
