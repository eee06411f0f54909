import type { CacheRecord, PruneOptions, PruneReport } from "@berth/api/build";
import { statfs } from "@berth/linux";
import type { BuilderContext } from "../solve/scope.ts";
import { matchesFilters } from "./record-filters.ts";
import { allRecords, type KnownRecord } from "./records.ts";

/** Whether everything that no build uses is to go. */
export function prunesEverything(options: PruneOptions): boolean {
  const isLimited = limitOf(options) !== undefined || (options.minFreeSpace ?? 0) > 0;
  return options.all === true && !isLimited && [...options.filters.keys()].length === 0;
}

/** Bytes that may stay; undefined: none need to. */
function limitOf({ keepStorage, maxUsedSpace }: PruneOptions): number | undefined {
  const limits = [keepStorage, maxUsedSpace].filter((limit) => limit !== undefined && limit > 0);
  return limits.length === 0 ? undefined : Math.min(...(limits as number[]));
}

/** See `Builder.prune`. What builds use stays; layers that images share stay with the images. */
export async function pruneCache(
  context: BuilderContext,
  options: PruneOptions,
  signal: AbortSignal,
  onRecord: (record: CacheRecord) => void = () => {},
): Promise<PruneReport> {
  const report: PruneReport = { ids: [], spaceReclaimed: 0 };
  const all = await allRecords(context);
  const kept = options.all ? new Set<string>() : ofImages(all.map(({ record }) => record));
  let left = all.reduce((sum, { record }) => sum + (record.shared ? 0 : record.size), 0);
  const { blocks, available, blockSize } = statfs(context.parts.dataRoot);
  let free = available * blockSize;
  const limit = limitOf(options);
  const minFreeSpace = options.minFreeSpace || undefined;
  const gone = ({ record }: KnownRecord) => {
    const size = record.shared ? 0 : record.size;
    left -= size;
    free += size;
    report.ids.push(record.id);
    report.spaceReclaimed += size;
    onRecord(record);
  };
  const staying = all.filter(({ record, stays }) => !record.shared && stays?.());
  for (const known of all) {
    const { record, isUsed, remove, stays } = known;
    signal.throwIfAborted();
    const isEnough =
      (limit !== undefined || minFreeSpace !== undefined) &&
      (limit === undefined || left <= limit) &&
      (minFreeSpace === undefined || free >= Math.min(minFreeSpace, blocks * blockSize));
    if (isEnough) break;
    // Finding out all sizes took a while, in which builds have begun.
    if (isUsed() || !matchesFilters(record, options.filters)) continue;
    if (kept.has(record.id)) continue;
    await remove();
    if (!record.shared && stays?.()) {
      staying.push(known);
      continue;
    }
    gone(known);
    // The last patch over it is gone.
    const at = staying.findIndex((each) => !each.stays?.());
    if (at >= 0) gone(...(staying.splice(at, 1) as [KnownRecord]));
  }
  return report;
}

/** What images share, and the steps that it was made on: without them it would not be found again. */
function ofImages(records: readonly CacheRecord[]): Set<string> {
  const byId = new Map(records.map((record) => [record.id, record]));
  const found = new Set<string>();
  const wait = records.filter((record) => record.shared);
  for (let record = wait.pop(); record !== undefined; record = wait.pop()) {
    if (found.has(record.id)) continue;
    found.add(record.id);
    for (const parent of record.parents) {
      const known = byId.get(parent);
      if (known !== undefined) wait.push(known);
    }
  }
  return found;
}
