import type { Resources } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { HostFacts } from "../system/host-facts.ts";

const MINIMUM_MEMORY = 6 * 1024 * 1024;
const DISCARDED = "capabilities or the cgroup is not mounted.";

/**
 * Checks cgroup limits and takes out what the kernel cannot do, as Docker does, with a warning for each.
 * @returns the limits to use. @throws invalid-parameter with Docker's sentences.
 */
export function validateResources<T extends Resources>(
  asked: T,
  facts: HostFacts,
  isUpdate: boolean,
): { resources: T; warnings: string[] } {
  const r: T = { ...asked };
  const warnings: string[] = [];
  const refuse = (text: string) => {
    throw invalidParameter(text);
  };
  const discard = (unsupported: boolean, warning: string, undo: () => void) => {
    if (!unsupported) return;
    warnings.push(warning);
    undo();
  };
  const noKernel = (what: string) => `Your kernel does not support ${what}`;

  // Memory. Clients say "not set" as -1 or not at all.
  if (r.MemorySwappiness === -1) r.MemorySwappiness = null;
  if (r.Memory !== 0 && r.Memory < MINIMUM_MEMORY) refuse("Minimum memory limit allowed is 6MB");
  discard(
    r.Memory > 0 && !facts.memoryLimit,
    noKernel(`memory limit ${DISCARDED} Limitation discarded.`),
    () => {
      r.Memory = 0;
      r.MemorySwap = -1;
    },
  );
  discard(
    r.Memory > 0 && r.MemorySwap !== -1 && !facts.swapLimit,
    noKernel(`swap limit ${DISCARDED} Memory limited without swap.`),
    () => {
      r.MemorySwap = -1;
    },
  );
  if (r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory) {
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (r.Memory === 0 && r.MemorySwap > 0 && !isUpdate) {
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  discard(
    r.MemorySwappiness !== null && !facts.memorySwappiness,
    noKernel(`memory swappiness ${DISCARDED} Memory swappiness discarded.`),
    () => {
      r.MemorySwappiness = null;
    },
  );
  const swappiness = r.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    refuse(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  discard(
    r.MemoryReservation > 0 && !facts.memoryReservation,
    noKernel(`memory soft limit ${DISCARDED} Limitation discarded.`),
    () => {
      r.MemoryReservation = 0;
    },
  );
  if (r.MemoryReservation > 0 && r.MemoryReservation < MINIMUM_MEMORY) {
    refuse("Minimum memory reservation allowed is 6MB");
  }
  if (r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation) {
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (r.KernelMemory) {
    if (r.KernelMemory < MINIMUM_MEMORY) refuse("Minimum kernel memory limit allowed is 6MB");
    warnings.push("Specifying a kernel memory limit is deprecated and will be removed in a future release.");
    // Kernels since 5.16 ignore it.
    if (!facts.kernelMemory) {
      warnings.push(noKernel(`kernel memory limit ${DISCARDED} Limitation discarded.`));
      r.KernelMemory = 0;
    }
  }
  if (r.OomKillDisable && !facts.oomKillDisable) {
    discard(true, noKernel("OomKillDisable. OomKillDisable discarded."), () => {
      r.OomKillDisable = null;
    });
  }
  if (r.OomKillDisable && r.Memory === 0) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  discard(
    r.PidsLimit !== null && r.PidsLimit > 0 && !facts.pidsLimit,
    noKernel(`PIDs limit ${DISCARDED} PIDs limit discarded.`),
    () => {
      r.PidsLimit = null;
    },
  );

  // CPU.
  if (r.NanoCpus > 0 && r.CpuPeriod > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (r.NanoCpus > 0 && r.CpuQuota > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  if (r.NanoCpus > 0 && !facts.cpuQuota) {
    refuse(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if (r.NanoCpus < 0 || r.NanoCpus > facts.cpus * 1e9) {
    refuse(`Range of CPUs is from 0.01 to ${facts.cpus}.00, as there are only ${facts.cpus} CPUs available`);
  }
  discard(
    r.CpuShares > 0 && !facts.cpuShares,
    noKernel("CPU shares or the cgroup is not mounted. Shares discarded."),
    () => {
      r.CpuShares = 0;
    },
  );
  discard(
    (r.CpuPeriod !== 0 || r.CpuQuota !== 0) && !facts.cpuQuota,
    noKernel("CPU CFS scheduler or the cgroup is not mounted. CPU period/quota discarded."),
    () => {
      r.CpuPeriod = 0;
      r.CpuQuota = 0;
    },
  );
  if (r.CpuPeriod !== 0 && (r.CpuPeriod < 1000 || r.CpuPeriod > 1_000_000)) {
    refuse("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (r.CpuQuota > 0 && r.CpuQuota < 1000) refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  discard(r.CpuPercent > 0, "linux does not support CPU percent. Percent discarded.", () => {
    r.CpuPercent = 0;
  });
  if ((r.CpuRealtimePeriod !== 0 || r.CpuRealtimeRuntime !== 0) && !facts.cpuRealtime) {
    refuse(
      r.CpuRealtimePeriod !== 0
        ? "Your kernel does not support cgroup cpu real-time period"
        : "Your kernel does not support cgroup cpu real-time runtime",
    );
  }
  if (r.CpuRealtimePeriod !== 0 && r.CpuRealtimeRuntime > r.CpuRealtimePeriod) {
    refuse("cpu real-time runtime cannot be higher than cpu real-time period");
  }
  discard(
    (r.CpusetCpus !== "" || r.CpusetMems !== "") && !facts.cpuset,
    noKernel("cpuset or the cgroup is not mounted. Cpuset discarded."),
    () => {
      r.CpusetCpus = "";
      r.CpusetMems = "";
    },
  );
  checkCpuset(r.CpusetCpus, facts.cpusetCpus, "cpuset cpus", "CPUs");
  checkCpuset(r.CpusetMems, facts.cpusetMems, "cpuset mems", "memory nodes");

  // Block I/O.
  const block = "or the cgroup is not mounted.";
  discard(
    r.BlkioWeight > 0 && !facts.blkioWeight,
    noKernel(`Block I/O weight ${block} Weight discarded.`),
    () => {
      r.BlkioWeight = 0;
    },
  );
  if (r.BlkioWeight > 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000)) {
    refuse("Range of blkio weight is from 10 to 1000");
  }
  discard(
    !!r.BlkioWeightDevice?.length && !facts.blkioWeightDevice,
    noKernel(`Block I/O weight_device ${block} Weight-device discarded.`),
    () => {
      r.BlkioWeightDevice = [];
    },
  );
  for (const [key, what] of [
    ["BlkioDeviceReadBps", "BPS Block I/O read limit"],
    ["BlkioDeviceWriteBps", "BPS Block I/O write limit"],
    ["BlkioDeviceReadIOps", "IOPS Block read limit"],
    ["BlkioDeviceWriteIOps", "IOPS Block write limit"],
  ] as const) {
    const shown = what.replace("IOPS Block", "Block I/O IOPS").replace("BPS Block I/O", "Block I/O BPS");
    discard(
      !!r[key]?.length && !facts.blkioThrottle,
      noKernel(`${what} ${block} ${shown} discarded.`),
      () => {
        r[key] = [];
      },
    );
  }
  return { resources: r, warnings };
}

function checkCpuset(asked: string, available: string, field: string, plural: string): void {
  if (asked === "") return;
  const wanted = parseList(asked);
  if (wanted === undefined)
    throw invalidParameter(`Invalid value ${asked} for ${field}: invalid format: ${asked}`);
  const there = parseList(available) ?? new Set();
  for (const number of wanted) {
    if (!there.has(number)) {
      throw invalidParameter(
        `Requested ${plural} are not available - requested ${asked}, available: ${available}`,
      );
    }
  }
}

/** The kernel's list format, `0-3,7`; undefined when the text is none. */
export function parseList(text: string): Set<number> | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    if (!match) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}
