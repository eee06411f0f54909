import { systemDiskUsage } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { bool, type FilterMap, filter, string } from "../../flags/types.ts";
import { humanSize4 } from "../../format/sizes.ts";
import { ago } from "../../format/times.ts";

interface CacheRecord {
  ID: string;
  Parents?: string[] | null;
  Type: string;
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string | null;
  UsageCount: number;
}

export default command({
  names: ["buildx du"],
  summary: "Show what the build cache takes",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    builder: string("Accepted; there is one builder", { hidden: true }),
    filter: filter("Only records that match (id, type, inuse, shared, private, description)"),
    format: string("json: a record a line"),
    verbose: bool("Show each record in full"),
  },
  async run(context, { values }) {
    const usage = await systemDiskUsage(await context.client(), { types: ["build-cache"] });
    const records = ((usage.BuildCache ?? []) as CacheRecord[])
      .filter((record) => matches(record, values.filter))
      .sort((a, b) => b.Size - a.Size);
    if (values.format === "json") {
      await context.stdout.write(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
      return;
    }
    const text = values.verbose ? records.map(inFull).join("\n") : table(records);
    await context.stdout.write(
      text + (values.filter.size > 0 && records.length === 0 ? "" : totals(records)),
    );
  },
});

function matches(record: CacheRecord, filters: FilterMap): boolean {
  const tests: Record<string, (value: string) => boolean> = {
    id: (value) => record.ID.startsWith(value),
    type: (value) => record.Type === value,
    description: (value) => record.Description.includes(value),
    inuse: (value) => record.InUse === (value !== "false"),
    shared: (value) => record.Shared === (value !== "false"),
    private: (value) => record.Shared !== (value !== "false"),
  };
  for (const [name, wanted] of filters)
    if (!wanted.some((value) => tests[name]?.(value) ?? false)) return false;
  return true;
}

/** Records that builds change: caches of RUN steps and copies of clients' folders. */
function isMutable({ Type }: CacheRecord): boolean {
  return Type === "exec.cachemount" || Type === "source.local";
}

function table(records: readonly CacheRecord[]): string {
  const rows = [
    ["ID", "RECLAIMABLE", "SIZE", "LAST ACCESSED"],
    ...records.map((record) => [
      record.ID + (isMutable(record) ? "*" : ""),
      String(!record.InUse),
      humanSize4(record.Size),
      record.LastUsedAt === null ? "" : ago(Date.parse(record.LastUsedAt) / 1000),
    ]),
  ];
  const width = (at: number) => Math.max(...rows.map((row) => (row[at] as string).length)) + 3;
  const widths = [0, 1, 2].map(width);
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join("")
          .trimEnd()}\n`,
    )
    .join("");
}

function inFull(record: CacheRecord): string {
  const fields: [string, string][] = [
    ["ID", record.ID],
    ["Parents", (record.Parents ?? []).join(",")],
    ["Created at", record.CreatedAt],
    ["Mutable", String(isMutable(record))],
    ["Reclaimable", String(!record.InUse)],
    ["Shared", String(record.Shared)],
    ["Size", humanSize4(record.Size)],
    ["Description", record.Description],
    ["Usage count", String(record.UsageCount)],
    ["Last used", record.LastUsedAt === null ? "" : ago(Date.parse(record.LastUsedAt) / 1000)],
    ["Type", record.Type],
  ];
  return fields
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`)
    .join("");
}

function totals(records: readonly CacheRecord[]): string {
  const sum = (which: (record: CacheRecord) => boolean) =>
    humanSize4(records.reduce((total, record) => total + (which(record) ? record.Size : 0), 0));
  const shared = records.some((record) => record.Shared);
  const parts: [string, string][] = [
    ...(shared
      ? ([
          ["Shared", sum((record) => record.Shared)],
          ["Private", sum((record) => !record.Shared)],
        ] as [string, string][])
      : []),
    ["Reclaimable", sum((record) => !record.InUse)],
    ["Total", sum(() => true)],
  ];
  return parts.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join("");
}
