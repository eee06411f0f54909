import type { BlkioEntry, StatsResponse } from "@berth/api";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { binarySize, humanSize } from "../../format/sizes.ts";
import { shortId } from "../../format/text.ts";

export const STATS_ROW: RowKind = {
  type: "*container.statsContext",
  headers: {
    Container: "CONTAINER",
    Name: "NAME",
    ID: "CONTAINER ID",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
  },
};

/** What is shown of one container. */
export interface Usage {
  /** As it was asked for. */
  container: string;
  id: string;
  /** With a leading slash, as the daemon tells it. */
  name: string;
  /** undefined: nothing came lately. */
  sample: StatsResponse | undefined;
}

/** What the formats of `stats` can name. */
export function statsRow({ container, id, name, sample }: Usage, truncate: boolean): RowFields {
  const known = (show: (sample: StatsResponse) => string, otherwise = "--") =>
    sample === undefined ? otherwise : show(sample);
  return {
    BlockIO: known(({ blkio_stats: { io_service_bytes_recursive: entries } }) =>
      pair(humanSize, [blockBytes(entries, "r"), blockBytes(entries, "w")]),
    ),
    CPUPerc: known((s) => `${processorPercentage(s).toFixed(2)}%`),
    Container: container,
    ID: truncate ? shortId(id) : id,
    MemPerc: known((s) => {
      const limit = s.memory_stats.limit ?? 0;
      return `${(limit === 0 ? 0 : (memoryInUse(s) / limit) * 100).toFixed(2)}%`;
    }),
    MemUsage: known((s) => pair(binarySize, [memoryInUse(s), s.memory_stats.limit ?? 0]), "-- / --"),
    Name: name.length > 1 ? name.slice(1) : "--",
    NetIO: known((s) => {
      const all = Object.values(s.networks ?? {});
      const sum = (key: "rx_bytes" | "tx_bytes") => all.reduce((total, each) => total + each[key], 0);
      return pair(humanSize, [sum("rx_bytes"), sum("tx_bytes")]);
    }),
    PIDs: known((s) => String(s.pids_stats?.current ?? 0)),
  };
}

const pair = (show: (value: number) => string, [first, second]: readonly [number, number]) =>
  `${show(first)} / ${show(second)}`;

/** Of one processor since the sample before: 200 is two processors in full use. */
export function processorPercentage({ cpu_stats: now, precpu_stats: before }: StatsResponse): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const host = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus || (now.cpu_usage.percpu_usage?.length ?? 0);
  return used > 0 && host > 0 ? (used / host) * processors * 100 : 0;
}

/** Without pages of files that the kernel would drop first. */
export function memoryInUse({ memory_stats: { usage = 0, stats = {} } }: StatsResponse): number {
  const version1 = stats.total_inactive_file;
  if (version1 !== undefined && version1 < usage) return usage - version1;
  const inactive = stats.inactive_file ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function blockBytes(entries: readonly BlkioEntry[] | null, operation: "r" | "w"): number {
  return (entries ?? [])
    .filter(({ op }) => op[0]?.toLowerCase() === operation)
    .reduce((total, { value }) => total + value, 0);
}
