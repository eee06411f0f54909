import type { ContainersPruneReport } from "@berth/api";
import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

/** POST /containers/prune: removes stopped containers. */
export function containerPrune(
  client: Client,
  options: { filters?: FilterValues; signal?: AbortSignal } = {},
): Promise<ContainersPruneReport> {
  return client.json({
    method: "POST",
    path: "/containers/prune",
    query: encodeFilters(options.filters),
    signal: options.signal,
  });
}
