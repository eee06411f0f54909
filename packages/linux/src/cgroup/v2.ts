import { O } from "../constants.ts";
import { isErrno } from "../errno.ts";
import { open } from "../fs.ts";
import { closeQuietly, waitFor } from "../io.ts";
import type { BlkioValue, Cgroup, CgroupLimits, CgroupStats } from "./cgroup.ts";
import {
  busy,
  collectPids,
  exists,
  FREEZE_PATIENCE_MS,
  makeFolders,
  readNumber,
  readTable,
  readText,
  removeGroup,
  writeValue,
} from "./files.ts";

const POLLPRI = 2;

/** A group of the unified hierarchy (Documentation/admin-guide/cgroup-v2.rst). */
export class CgroupV2 implements Cgroup {
  readonly mode = "v2";
  readonly #root: string;
  readonly #path: string;
  readonly #folder: string;

  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
    this.#folder = root + path;
  }

  #file(name: string): string {
    return `${this.#folder}/${name}`;
  }

  exists(): boolean {
    return exists(this.#folder);
  }

  create(): void {
    makeFolders(this.#root, this.#path);
    // A group has the controllers that its parent gives to its children.
    const controllers = (readText(`${this.#root}/cgroup.controllers`) ?? "")
      .trim()
      .split(" ")
      .filter(Boolean);
    const parts = this.#path.split("/").filter((name) => name !== "");
    for (let depth = 0; depth < parts.length; depth++) {
      const file = `${[this.#root, ...parts.slice(0, depth)].join("/")}/cgroup.subtree_control`;
      const enabled = (readText(file) ?? "").trim().split(" ");
      for (const controller of controllers) {
        if (enabled.includes(controller)) continue;
        try {
          writeValue(file, `+${controller}`);
        } catch (error) {
          // A controller that cannot be given here (busy with threads, or real-time processes) is done without.
          if (!isErrno(error, "EINVAL", "EBUSY", "EOPNOTSUPP", "ENOENT")) throw error;
        }
      }
    }
  }

  addProcess(pid: number): void {
    writeValue(this.#file("cgroup.procs"), pid);
  }

  pids(): number[] {
    const found = new Set<number>();
    collectPids(this.#folder, found);
    return [...found];
  }

  freeze(): void {
    writeValue(this.#file("cgroup.freeze"), "1");
    if (this.#awaitFrozen()) return;
    this.thaw();
    throw busy(this.#file("cgroup.freeze"));
  }

  /** cgroup.events tells of changes with POLLPRI. */
  #awaitFrozen(): boolean {
    const fd = open(this.#file("cgroup.events"), O.RDONLY);
    try {
      const end = performance.now() + FREEZE_PATIENCE_MS;
      for (;;) {
        if (readTable(this.#file("cgroup.events")).frozen === 1) return true;
        const left = Math.ceil(end - performance.now());
        if (left <= 0) return false;
        waitFor(fd, POLLPRI, Math.min(left, 20));
      }
    } finally {
      closeQuietly(fd);
    }
  }

  thaw(): void {
    writeValue(this.#file("cgroup.freeze"), "0");
  }

  frozen(): boolean {
    return readTable(this.#file("cgroup.events")).frozen === 1;
  }

  stats(): CgroupStats {
    const cpu = readTable(this.#file("cpu.stat"));
    const memoryLimit = readNumber(this.#file("memory.max"));
    const pidsLimit = readNumber(this.#file("pids.max"));
    const io = parseIoStat(readText(this.#file("io.stat")) ?? "");
    return {
      cpu: {
        totalNanoseconds: (cpu.usage_usec ?? 0) * 1000,
        userNanoseconds: (cpu.user_usec ?? 0) * 1000,
        systemNanoseconds: (cpu.system_usec ?? 0) * 1000,
        periods: cpu.nr_periods ?? 0,
        throttledPeriods: cpu.nr_throttled ?? 0,
        throttledNanoseconds: (cpu.throttled_usec ?? 0) * 1000,
      },
      memory: {
        usage: readNumber(this.#file("memory.current")) ?? 0,
        ...(memoryLimit === undefined ? {} : { limit: memoryLimit }),
        failures: readTable(this.#file("memory.events")).oom ?? 0,
        stats: readTable(this.#file("memory.stat")),
      },
      blkio: {
        serviceBytes: io.bytes,
        serviced: io.operations,
        queued: [],
        serviceTime: [],
        waitTime: [],
        merged: [],
        time: [],
        sectors: [],
      },
      pids: {
        current: readNumber(this.#file("pids.current")) ?? 0,
        ...(pidsLimit === undefined ? {} : { limit: pidsLimit }),
      },
    };
  }

  oomKills(): number {
    return readTable(this.#file("memory.events")).oom_kill ?? 0;
  }

  update(limits: CgroupLimits): void {
    this.#updateMemory(limits);
    if (limits.cpuShares !== undefined) this.#set("cpu.weight", sharesToWeight(limits.cpuShares));
    this.#updateCpuMax(limits);
    this.#set("cpuset.cpus", limits.cpusetCpus);
    this.#set("cpuset.mems", limits.cpusetMems);
    this.#set("pids.max", limits.pids === undefined || limits.pids > 0 ? limits.pids : "max");
    if (limits.blkioWeight !== undefined) {
      if (exists(this.#file("io.bfq.weight"))) this.#set("io.bfq.weight", limits.blkioWeight);
      else this.#set("io.weight", blkioToIoWeight(limits.blkioWeight));
    }
  }

  #set(name: string, value: number | string | undefined): void {
    if (value !== undefined) writeValue(this.#file(name), value);
  }

  /** Here swap is counted by itself, Docker counts it together with memory. */
  #updateMemory({ memory, memorySwap, memoryReservation }: CgroupLimits): void {
    const orMax = (value: number) => (value < 0 ? "max" : value);
    if (memorySwap !== undefined) {
      const base = memory ?? readNumber(this.#file("memory.max")) ?? 0;
      if (memorySwap < 0) this.#set("memory.swap.max", "max");
      else if (memorySwap > 0) this.#set("memory.swap.max", Math.max(0, memorySwap - Math.max(0, base)));
    }
    if (memory !== undefined) this.#set("memory.max", orMax(memory));
    if (memoryReservation !== undefined) this.#set("memory.low", orMax(memoryReservation));
  }

  #updateCpuMax({ cpuQuota, cpuPeriod }: CgroupLimits): void {
    if (cpuQuota === undefined && cpuPeriod === undefined) return;
    const [quota = "max", period = "100000"] = (readText(this.#file("cpu.max")) ?? "").trim().split(" ");
    const newQuota = cpuQuota === undefined ? quota : cpuQuota > 0 ? cpuQuota : "max";
    this.#set("cpu.max", `${newQuota === "" ? "max" : newQuota} ${cpuPeriod ?? period}`);
  }

  remove(): void {
    removeGroup(this.#folder);
  }
}

/** v1's 2..262144 to v2's 1..10000, as the OCI runtimes do. */
export function sharesToWeight(shares: number): number {
  const bounded = Math.min(262144, Math.max(2, shares));
  return 1 + Math.floor(((bounded - 2) * 9999) / 262142);
}

/** blkio's 10..1000 to io.weight's 1..10000. */
export function blkioToIoWeight(weight: number): number {
  const bounded = Math.min(1000, Math.max(10, weight));
  return 1 + Math.floor(((bounded - 10) * 9999) / 990);
}

/** Lines `major:minor rbytes=… wbytes=… rios=… wios=…`. */
export function parseIoStat(text: string): { bytes: BlkioValue[]; operations: BlkioValue[] } {
  const bytes: BlkioValue[] = [];
  const operations: BlkioValue[] = [];
  for (const line of text.split("\n")) {
    const device = /^(\d+):(\d+) /.exec(line);
    if (device === null) continue;
    const at = { major: Number(device[1]), minor: Number(device[2]) };
    const figure = (key: string) => Number(new RegExp(` ${key}=(\\d+)`).exec(line)?.[1] ?? 0);
    bytes.push(
      { ...at, op: "read", value: figure("rbytes") },
      { ...at, op: "write", value: figure("wbytes") },
    );
    operations.push(
      { ...at, op: "read", value: figure("rios") },
      { ...at, op: "write", value: figure("wios") },
    );
  }
  return { bytes, operations };
}
