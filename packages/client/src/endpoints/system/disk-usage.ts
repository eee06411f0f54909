import type { DiskUsage } from "@berth/api";
import type { Client } from "../../client.ts";

export type DiskUsageType = "container" | "image" | "volume" | "build-cache";

/** GET /system/df. `types` empty: everything. */
export function systemDiskUsage(
  client: Client,
  options: { types?: readonly DiskUsageType[]; signal?: AbortSignal } = {},
): Promise<DiskUsage> {
  return client.json({
    method: "GET",
    path: "/system/df",
    query: options.types === undefined || options.types.length === 0 ? {} : { type: options.types },
    signal: options.signal,
  });
}
