import { expect, test } from "bun:test";
import type { DiskUsage } from "@berth/api";
import { usageRows } from "./usage-rows.ts";

const shown = (usage: unknown) =>
  usageRows(usage as DiskUsage).map(
    ({ Type, TotalCount, Active, Size, Reclaimable }) =>
      `${Type}|${TotalCount}|${Active}|${Size}|${Reclaimable}`,
  );

test("nothing", () => {
  expect(shown({})).toEqual([
    "Images|0|0|0B|0B",
    "Containers|0|0|0B|0B",
    "Local Volumes|0|0|0B|0B",
    "Build Cache|0|0|0B|0B",
  ]);
});

test("what is in use is not reclaimable", () => {
  const rows = shown({
    LayersSize: 3000,
    Images: [
      { Containers: 1, Size: 2000, SharedSize: 500 },
      { Containers: 0, Size: 1500, SharedSize: 500 },
    ],
    Containers: [{ State: "running", SizeRw: 100 }, { State: "exited", SizeRw: 300 }, { State: "created" }],
    Volumes: [
      { UsageData: { RefCount: 1, Size: 10 } },
      { UsageData: { RefCount: 0, Size: 30 } },
      { UsageData: { RefCount: 0, Size: -1 } },
    ],
    BuildCache: [
      { InUse: true, Shared: false, Size: 7 },
      { InUse: false, Shared: true, Size: 9 },
    ],
  });
  expect(rows).toEqual([
    "Images|2|1|3kB|1.5kB (50%)",
    "Containers|3|1|400B|300B (75%)",
    "Local Volumes|3|1|40B|30B (75%)",
    "Build Cache|2|1|7B|0B",
  ]);
});
