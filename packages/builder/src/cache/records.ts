import type { Filters } from "@berth/api";
import type { CacheRecord } from "@berth/api/build";
import { type Digest, encoded } from "@berth/base";
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
  /** True when it is removed, or nobody's to remove, and its files stay for the patches over them. */
  stays?(): boolean;
}

/** Everything that the builder keeps, oldest use first. Sizes that nobody knew yet are found out. */
export async function allRecords(context: BuilderContext): Promise<KnownRecord[]> {
  const { cache, cacheMounts, downloads, synced, git, parts } = context;
  const known: KnownRecord[] = keptForPatches(context);
  for (const result of [...cache.all()]) {
    const { layer } = result;
    known.push({
      record: await stepRecord(context, result),
      isUsed: () => cache.isHeld(result),
      remove: () => cache.remove(result),
      ...(layer !== undefined && {
        stays: () => cache.get(result.id) === undefined && parts.snapshots.has(layer),
      }),
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
  const used = ({ record }: KnownRecord) => record.lastUsedAt ?? "";
  return known.sort((a, b) => (used(a) < used(b) ? -1 : used(a) > used(b) ? 1 : 0));
}

/** See `Builder.diskUsage`. */
export async function cacheRecords(context: BuilderContext, filters?: Filters): Promise<CacheRecord[]> {
  const all = await allRecords(context);
  return all
    .map(({ record }) => record)
    .filter((record) => filters === undefined || matchesFilters(record, filters));
}

/** Layers that are no result any more, each with what is known of it from the patches over it. */
function keptForPatches({ cache, parts }: BuilderContext): KnownRecord[] {
  const { snapshots } = parts;
  const results = [...cache.all()].filter(({ layer }) => layer !== undefined && snapshots.has(layer));
  const ofResults = new Set(results.map(({ layer }) => layer));
  const patches = new Map<Digest, StepResult[]>();
  for (const result of results) {
    const whole = snapshots.wholeLayer(result.layer as Digest);
    if (ofResults.has(whole)) continue;
    const others = patches.get(whole);
    if (others === undefined) patches.set(whole, [result]);
    else others.push(result);
  }
  return [...patches].map(([whole, over]) => {
    const newest = over.reduce((last, each) => (each.used > last.used ? each : last));
    return {
      record: {
        id: encoded(whole).slice(0, 25),
        parents: [],
        type: "regular",
        description: `${newest.description} (an earlier result that later ones are patches over)`,
        inUse: over.some((result) => cache.isHeld(result)),
        shared: snapshots.isShared(whole),
        mutable: false,
        size: snapshots.layerParts(newest.layer as Digest).at(-1)?.size ?? 0,
        createdAt: time(Math.min(...over.map(({ created }) => created))),
        lastUsedAt: time(newest.used),
        usageCount: over.length,
      },
      isUsed: () => true,
      remove: async () => {},
      stays: () => snapshots.has(whole),
    };
  });
}

async function stepRecord(context: BuilderContext, result: StepResult): Promise<CacheRecord> {
  const { cache, parts, sizes } = context;
  let { size } = result;
  if (result.layer !== undefined && parts.snapshots.has(result.layer)) {
    const [own, patched] = parts.snapshots.layerParts(result.layer);
    // Of a patch, what would be free without it.
    if (patched !== undefined) size = own?.size ?? 0;
    else if (size < 0) {
      // A layer does not change: it is measured once, and the size is kept with it.
      const [folder] = parts.snapshots.layerFolders(result.layer);
      size = (await sizes.of(folder as string, "")) ?? size;
      if (size >= 0) cache.setSize(result, size);
    }
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
