import type { Client } from "../../client.ts";
import { encodeFilters, type FilterValues } from "../filters.ts";

export interface BuildPruneReport {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** POST /build/prune. Sizes in bytes; 0: not limited. */
export function buildPrune(
  client: Client,
  options: {
    all: boolean;
    filters?: FilterValues;
    reservedSpace?: number;
    maxUsedSpace?: number;
    minFreeSpace?: number;
  },
): Promise<BuildPruneReport> {
  const bytes = (value: number | undefined) => (value === undefined || value === 0 ? undefined : value);
  return client.json<BuildPruneReport>({
    method: "POST",
    path: "/build/prune",
    query: {
      all: options.all ? 1 : undefined,
      ...encodeFilters(options.filters),
      "keep-storage": bytes(options.reservedSpace),
      "reserved-space": bytes(options.reservedSpace),
      "max-used-space": bytes(options.maxUsedSpace),
      "min-free-space": bytes(options.minFreeSpace),
    },
  });
}
