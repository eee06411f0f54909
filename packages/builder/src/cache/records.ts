import type { Filters } from "@berth/api";
import type { CacheRecord } from "@berth/api/build";
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
    const record = await mountRecord(context, mount);
    if (record === undefined) continue;
    known.push({
      record,
      isUsed: () => cacheMounts.isUsed(mount.folder),
      remove: async () => cacheMounts.remove(mount),
    });
  }
  for (const kept of synced.list()) {
    const { name } = kept;
    const record = await folderRecord(context, kept, "source.local", "local source for context", synced);
    if (record === undefined) continue;
    known.push({
      record,
      isUsed: () => synced.isUsed(name),
      remove: async () => synced.remove(name),
    });
  }
  for (const kept of git.list()) {
    const { name, remote } = kept;
    const record = await folderRecord(
      context,
      kept,
      "source.git.checkout",
      `git snapshot for ${remote}`,
      git,
    );
    if (record === undefined) continue;
    known.push({
      record,
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
  const { cache, parts, sizes } = context;
  const [folder, patched] =
    result.layer !== undefined && parts.snapshots.has(result.layer)
      ? parts.snapshots.layerFolders(result.layer)
      : [];
  let { size } = result;
  if (folder !== undefined && patched !== undefined) {
    // What would be free without it.
    size = (await sizes.of(folder, result.id)) ?? 0;
  } else if (size < 0 && folder !== undefined) {
    // A layer does not change: it is measured once, and the size is kept with it.
    size = (await sizes.of(folder, "")) ?? size;
    if (size >= 0) cache.setSize(result, size);
  }
  return {
    id: result.id,
    parents: result.parent === "" ? [] : [result.parent],
    type: "regular",
    description: result.description,
    inUse: cache.isHeld(result),
    shared: result.layer !== undefined && parts.snapshots.isShared(result.layer),
    mutable: false,
    size: Math.max(0, size),
    createdAt: time(result.created),
    lastUsedAt: time(result.used),
    usageCount: result.usage,
  };
}

async function mountRecord(
  { cacheMounts, sizes }: BuilderContext,
  mount: CacheMountRecord,
): Promise<CacheRecord | undefined> {
  const inUse = cacheMounts.isUsed(mount.folder);
  const stamp = inUse ? "" : `${mount.used}:${mount.usage}`;
  const size = await sizes.of(cacheMounts.path(mount.folder), stamp);
  if (size === undefined) return undefined;
  return {
    id: mount.folder,
    parents: [],
    type: "exec.cachemount",
    description: `cached mount ${mount.name}`,
    inUse,
    shared: false,
    mutable: true,
    size,
    createdAt: time(mount.created),
    lastUsedAt: time(mount.used),
    usageCount: mount.usage,
  };
}

/** What is kept of a source: `id` as the other records have it. */
async function folderRecord(
  { sizes }: BuilderContext,
  { name, folder, used, changed }: { name: string; folder: string; used: number; changed: number },
  type: CacheRecord["type"],
  description: string,
  keeper: { isUsed(name: string): boolean },
): Promise<CacheRecord | undefined> {
  const inUse = keeper.isUsed(name);
  const size = await sizes.of(folder, inUse ? "" : String(changed));
  if (size === undefined) return undefined;
  return {
    id: name.slice(0, 25),
    parents: [],
    type,
    description,
    inUse,
    shared: false,
    mutable: true,
    size,
    createdAt: time(used),
    lastUsedAt: time(used),
    usageCount: 1,
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
