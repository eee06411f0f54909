import type { ContainerSummary, DiskUsage, ImageSummary, Volume } from "@berth/api";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { humanSize4 } from "../../format/sizes.ts";

export const USAGE_ROW: RowKind = {
  type: "*formatter.diskUsageContext",
  headers: {
    Type: "TYPE",
    TotalCount: "TOTAL",
    Active: "ACTIVE",
    Size: "SIZE",
    Reclaimable: "RECLAIMABLE",
  },
};

/** A step of a build, kept for the next. */
export interface BuildCacheRecord {
  ID: string;
  Type: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt?: string | null;
  UsageCount: number;
}

/** The four kinds of things that take space on the disk, a row each. */
export function usageRows(usage: DiskUsage): RowFields[] {
  return [
    imagesRow(usage.Images ?? [], usage.LayersSize ?? 0),
    containersRow(usage.Containers ?? []),
    volumesRow(usage.Volumes ?? []),
    buildCacheRow((usage.BuildCache ?? []) as BuildCacheRecord[]),
  ];
}

function row(type: string, total: number, active: number, size: number, reclaimable: string): RowFields {
  return {
    Active: String(active),
    Reclaimable: reclaimable,
    Size: humanSize4(size),
    TotalCount: String(total),
    Type: type,
  };
}

function share(part: number, whole: number): string {
  return humanSize4(part) + (whole > 0 ? ` (${Math.trunc((part * 100) / whole)}%)` : "");
}

function imagesRow(images: readonly ImageSummary[], size: number): RowFields {
  const used = images
    .filter((image) => image.Containers !== 0 && image.Size !== -1 && image.SharedSize !== -1)
    .reduce((sum, image) => sum + image.Size - image.SharedSize, 0);
  const active = images.filter((image) => image.Containers > 0).length;
  return row("Images", images.length, active, size, share(size - used, size));
}

function containersRow(containers: readonly ContainerSummary[]): RowFields {
  const isActive = ({ State: state }: ContainerSummary) =>
    state === "running" || state === "paused" || state === "restarting";
  const sum = (some: readonly ContainerSummary[]) => some.reduce((all, each) => all + (each.SizeRw ?? 0), 0);
  const size = sum(containers);
  const idle = containers.filter((each) => !isActive(each));
  return row("Containers", containers.length, containers.length - idle.length, size, share(sum(idle), size));
}

function volumesRow(volumes: readonly Volume[]): RowFields {
  const sum = (some: readonly Volume[]) =>
    some.reduce((all, { UsageData: usage }) => all + Math.max(0, usage?.Size ?? 0), 0);
  const size = sum(volumes);
  const active = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) > 0).length;
  const idle = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) === 0);
  return row("Local Volumes", volumes.length, active, size, share(sum(idle), size));
}

function buildCacheRow(records: readonly BuildCacheRecord[]): RowFields {
  const own = records.filter((record) => !record.Shared);
  const size = own.reduce((sum, record) => sum + record.Size, 0);
  const used = own.filter((record) => record.InUse).reduce((sum, record) => sum + record.Size, 0);
  const active = records.filter((record) => record.InUse).length;
  return row("Build Cache", records.length, active, size, humanSize4(size - used));
}
