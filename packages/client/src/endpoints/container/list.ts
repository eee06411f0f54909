import type { ContainerSummary } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface ContainerListOptions {
  all?: boolean;
  /** The newest ones only; 0 or less: no limit. */
  limit?: number;
  size?: boolean;
  filters?: FilterValues;
  signal?: AbortSignal;
}

/** GET /containers/json */
export function containerList(
  client: Client,
  options: ContainerListOptions = {},
): Promise<ContainerSummary[]> {
  return client.json({
    method: "GET",
    path: "/containers/json",
    query: {
      ...(options.all && { all: true }),
      ...encodeFilters(options.filters),
      ...(options.limit !== undefined && options.limit > 0 && { limit: options.limit }),
      ...(options.size && { size: true }),
    },
    signal: options.signal,
  });
}
