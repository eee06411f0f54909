import type { CacheRecord } from "@berth/api/build";

/** A record as `GET /system/df` tells it; one `Parent` became `Parents` in API 1.42. */
export function buildCacheRecord(record: CacheRecord, version: number): object {
  return {
    ID: record.id,
    ...(version < 42 ? { Parent: record.parents[0] ?? "" } : { Parents: record.parents }),
    Type: record.type,
    Description: record.description,
    InUse: record.inUse,
    Shared: record.shared,
    Size: record.size,
    CreatedAt: record.createdAt,
    LastUsedAt: record.lastUsedAt ?? null,
    UsageCount: record.usageCount,
  };
}
