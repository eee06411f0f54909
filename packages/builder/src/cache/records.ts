import type { Filters } from "@berth/api";
import type { CacheRecord } from "@berth/api/build";
import { runJob } from "@berth/archive";
import type { CacheMountRecord } from "../exec/cache-mounts.ts";
import type { BuilderContext } from "../solve/scope.ts";
import type { StepResult } from "./cache.ts";
import { matchesFilters } from "./record-filters.ts";

/** A record with what it is a record of. */
export interface KnownRecord {
  record: CacheRecord;
  /** Now, which may be later than `record` says. */
  isUsed(): boolean;
  /** Synchronous up to the point from which no build finds it any more. */
  remove(): Promise<void>;
}

/** Everything that the builder keeps, oldest use first. Sizes that nobody knew yet are found out. */
export async function allRecords(context: BuilderContext): Promise<KnownRecord[]> {
  const { cache, cacheMounts, downloads, synced, git } = context;
  const known: KnownRecord[] = [];
  for (const result of cache.all()) {
    known.push({
      record: await stepRecord(context, result),
      isUsed: () => cache.isHeld(result),
      remove: () => cache.remove(result),
    });
  }
  for (const mount of cacheMounts.list()) {
    known.push({
      record: await mountRecord(context, mount),
      isUsed: () => cacheMounts.isUsed(mount.folder),
      remove: async () => cacheMounts.remove(mount),
    });
  }
  for (const { name, folder, used } of synced.list()) {
    known.push({
      record: await folderRecord(name, folder, used, "source.local", "local source for context", synced),
      isUsed: () => synced.isUsed(name),
      remove: async () => synced.remove(name),
    });
  }
  for (const { name, folder, used, remote } of git.list()) {
    known.push({
      record: await folderRecord(
        name,
        folder,
        used,
        "source.git.checkout",
        `git snapshot for ${remote}`,
        git,
      ),
      isUsed: () => git.isUsed(name),
      remove: async () => git.remove(name),
    });
  }
  for (const { name, folder, facts, created, used, usage } of downloads.list()) {
    const { size, name: file } = JSON.parse(facts) as { size: number; name: string };
    const record: CacheRecord = {
      id: folder,
      parents: [],
      type: "regular",
      description: `http url ${file}`,
      inUse: false,
      shared: false,
      mutable: false,
      size,
      createdAt: time(created),
      lastUsedAt: time(used),
      usageCount: usage,
    };
    known.push({ record, isUsed: () => false, remove: async () => downloads.remove(name, folder) });
  }
  return known.sort((a, b) => ((a.record.lastUsedAt ?? "") < (b.record.lastUsedAt ?? "") ? -1 : 1));
}

/** See `Builder.diskUsage`. */
export async function cacheRecords(context: BuilderContext, filters?: Filters): Promise<CacheRecord[]> {
  const all = await allRecords(context);
  return all
    .map(({ record }) => record)
    .filter((record) => filters === undefined || matchesFilters(record, filters));
}

async function stepRecord(context: BuilderContext, result: StepResult): Promise<CacheRecord> {
  const { cache, parts } = context;
  if (result.size < 0 && result.layer !== undefined) {
    const { apparent } = await runJob({
      job: "disk-usage",
      folder: parts.snapshots.layerDirectory(result.layer),
    });
    cache.setSize(result, apparent);
  }
  return {
    id: result.id,
    parents: result.parent === "" ? [] : [result.parent],
    type: "regular",
    description: result.description,
    inUse: cache.isHeld(result),
    shared: result.layer !== undefined && parts.snapshots.isShared(result.layer),
    mutable: false,
    size: Math.max(0, result.size),
    createdAt: time(result.created),
    lastUsedAt: time(result.used),
    usageCount: result.usage,
  };
}

async function mountRecord({ cacheMounts }: BuilderContext, mount: CacheMountRecord): Promise<CacheRecord> {
  const { apparent } = await runJob({ job: "disk-usage", folder: cacheMounts.path(mount.folder) });
  return {
    id: mount.folder,
    parents: [],
    type: "exec.cachemount",
    description: `cached mount ${mount.name}`,
    inUse: cacheMounts.isUsed(mount.folder),
    shared: false,
    mutable: true,
    size: apparent,
    createdAt: time(mount.created),
    lastUsedAt: time(mount.used),
    usageCount: mount.usage,
  };
}

/** What is kept of a source: `id` as the other records have it. */
async function folderRecord(
  name: string,
  folder: string,
  used: number,
  type: CacheRecord["type"],
  description: string,
  keeper: { isUsed(name: string): boolean },
): Promise<CacheRecord> {
  const { apparent } = await runJob({ job: "disk-usage", folder });
  return {
    id: name.slice(0, 25),
    parents: [],
    type,
    description,
    inUse: keeper.isUsed(name),
    shared: false,
    mutable: true,
    size: apparent,
    createdAt: time(used),
    lastUsedAt: time(used),
    usageCount: 1,
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
