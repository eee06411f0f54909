import type { DiskUsage } from "@berth/api";
import { systemDiskUsage } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import type { Context } from "../../context.ts";
import { bool, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { printRows, type RowFields, type RowKind, renderRows } from "../../format/rows.ts";
import { humanSize, humanSize4 } from "../../format/sizes.ts";
import { ago } from "../../format/times.ts";
import { CONTAINER_ROW, containerRow } from "../container/row.ts";
import { IMAGE_ROW, imageNames, imageRow } from "../image/row.ts";
import { VOLUME_ROW, volumeRow } from "../volume/row.ts";
import { type BuildCacheRecord, USAGE_ROW, usageRows } from "./usage-rows.ts";

const TABLE = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";

export default command({
  names: ["system df"],
  summary: "Show what takes space on the disk",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    format: string(FORMAT_HELP),
    verbose: bool("Show each thing", { shorthand: "v" }),
  },
  examples: [{ what: "Image by image, container by container, volume by volume", words: "system df -v" }],
  async run(context, { values }) {
    const usage = await systemDiskUsage(await context.client());
    const format = values.format || "table";
    if (values.verbose) return showEach(context, usage, format);
    await printRows(context.stdout, USAGE_ROW, format === "table" ? TABLE : format, usageRows(usage));
  },
});

const BUILD_CACHE_ROW: RowKind = {
  type: "*formatter.buildCacheContext",
  headers: {
    ID: "CACHE ID",
    CacheType: "CACHE TYPE",
    Size: "SIZE",
    CreatedSince: "CREATED",
    LastUsedSince: "LAST USED",
    UsageCount: "USAGE",
    Shared: "SHARED",
  },
};

interface Section {
  name: string;
  title: string;
  kind: RowKind;
  table: string;
  rows: RowFields[];
}

/** One table for each kind of thing, or `format` over all of them. */
async function showEach(context: Context, usage: DiskUsage, format: string): Promise<void> {
  const isTable = format.startsWith("table");
  const all = sections(usage, isTable);
  if (!isTable) {
    const { Struct } = await import("../../template/index.ts");
    const data = Object.fromEntries(
      all.map(({ name, kind, rows }) => [name, rows.map((row) => new Struct(kind.type, row))]),
    );
    if (format === "json") {
      const parts = await Promise.all(
        all.map(async ({ name, kind, rows }) => {
          const lines = (await renderRows(kind, "json", rows)).split("\n").filter((line) => line !== "");
          return `"${name}":[${lines.join(",")}]`;
        }),
      );
      return context.stdout.write(`{${parts.join(",")}}`);
    }
    const { executeFormat, parseFormat, ROW_FUNCTIONS } = await import("../../format/row-template.ts");
    const struct = new Struct("*formatter.diskUsageContext", data);
    return context.stdout.write(executeFormat(parseFormat(format), struct, ROW_FUNCTIONS));
  }
  for (const { title, kind, table, rows } of all) {
    await context.stdout.write(`${title}\n\n`);
    await printRows(context.stdout, kind, table, rows);
    if (kind !== BUILD_CACHE_ROW) await context.stdout.write("\n");
  }
}

function sections(usage: DiskUsage, truncate: boolean): Section[] {
  const records = (usage.BuildCache ?? []) as BuildCacheRecord[];
  const cached = records.filter((record) => !record.Shared).reduce((sum, record) => sum + record.Size, 0);
  return [
    {
      name: "Images",
      title: "Images space usage:",
      kind: IMAGE_ROW,
      table:
        "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
      rows: (usage.Images ?? []).map((image) => ({
        ...imageRow(image, imageNames(image, false)[0]!, truncate),
        Digest: "",
      })),
    },
    {
      name: "Containers",
      title: "Containers space usage:",
      kind: CONTAINER_ROW,
      table:
        "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
      // Without the image's part.
      rows: (usage.Containers ?? []).map((container) => ({
        ...containerRow(container, truncate),
        Size: humanSize(container.SizeRw ?? 0),
      })),
    },
    {
      name: "Volumes",
      title: "Local Volumes space usage:",
      kind: VOLUME_ROW,
      table: "table {{.Name}}\t{{.Links}}\t{{.Size}}",
      rows: (usage.Volumes ?? []).map(volumeRow),
    },
    {
      name: "BuildCache",
      title: `Build cache usage: ${humanSize4(cached)}`,
      kind: BUILD_CACHE_ROW,
      table:
        "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
      rows: records.map((record) => buildCacheRow(record, truncate)),
    },
  ];
}

function buildCacheRow(record: BuildCacheRecord, truncate: boolean): RowFields {
  const since = (time: string | null | undefined) => (time ? ago(Date.parse(time) / 1000) : "");
  return {
    CacheType: record.Type,
    CreatedSince: () => since(record.CreatedAt),
    ID: truncate ? record.ID.slice(0, 12) : record.ID,
    InUse: String(record.InUse),
    LastUsedSince: () => since(record.LastUsedAt),
    Shared: String(record.Shared),
    Size: humanSize(record.Size),
    UsageCount: String(record.UsageCount),
  };
}
