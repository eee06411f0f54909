import { isErrno } from "../errno.ts";
import type { BlkioValue, Cgroup, CgroupLimits, CgroupMode, CgroupStats } from "./cgroup.ts";
import {
  busy,
  collectPids,
  exists,
  FREEZE_PATIENCE_MS,
  makeFolders,
  parseNumber,
  pause,
  readNumber,
  readTable,
  readText,
  removeGroup,
  subfolders,
  writeValue,
} from "./files.ts";

/** cpuacct.stat counts in USER_HZ, which is 100 on every architecture that we run on. */
const NANOSECONDS_A_TICK = 1e7;

/** Controllers in which a container's processes are looked for, the likeliest first. */
const WITH_PROCESSES = ["pids", "memory", "cpu", "devices", "freezer", "systemd"];

/** A group with the same path in each hierarchy of cgroups v1 (Documentation/admin-guide/cgroup-v1). */
export class CgroupV1 implements Cgroup {
  readonly mode: CgroupMode;
  readonly #root: string;
  readonly #path: string;

  constructor(mode: CgroupMode, root: string, path: string) {
    this.mode = mode;
    this.#root = root;
    this.#path = path;
  }

  #file(controller: string, name: string): string {
    return `${this.#root}/${controller}${this.#path}/${name}`;
  }

  #folder(controller: string): string {
    return `${this.#root}/${controller}${this.#path}`;
  }

  exists(): boolean {
    return WITH_PROCESSES.some((controller) => exists(this.#folder(controller)));
  }

  create(): void {
    for (const controller of subfolders(this.#root)) {
      makeFolders(`${this.#root}/${controller}`, this.#path);
      if (controller.split(",").includes("cpuset")) this.#inheritCpuset(controller);
    }
  }

  /** A new cpuset is empty and takes no process until it has CPUs and memory nodes. */
  #inheritCpuset(controller: string): void {
    let at = `${this.#root}/${controller}`;
    for (const part of this.#path.split("/").filter((name) => name !== "")) {
      const parent = at;
      at += `/${part}`;
      for (const name of ["cpuset.cpus", "cpuset.mems"]) {
        if ((readText(`${at}/${name}`) ?? "").trim() === "") {
          writeValue(`${at}/${name}`, (readText(`${parent}/${name}`) ?? "").trim());
        }
      }
    }
  }

  addProcess(pid: number): void {
    for (const controller of subfolders(this.#root)) {
      if (exists(this.#folder(controller))) writeValue(this.#file(controller, "cgroup.procs"), pid);
    }
  }

  pids(): number[] {
    const found = new Set<number>();
    const controller = WITH_PROCESSES.find((name) => exists(this.#folder(name)));
    if (controller !== undefined) collectPids(this.#folder(controller), found);
    return [...found];
  }

  freeze(): void {
    const file = this.#file("freezer", "freezer.state");
    for (let waited = 0; waited < FREEZE_PATIENCE_MS; waited++) {
      // Written again each time: a process that is just being forked can keep the group in "FREEZING".
      writeValue(file, "FROZEN");
      if ((readText(file) ?? "").trim() === "FROZEN") return;
      pause(1);
    }
    this.thaw();
    throw busy(file);
  }

  thaw(): void {
    writeValue(this.#file("freezer", "freezer.state"), "THAWED");
  }

  frozen(): boolean {
    return (readText(this.#file("freezer", "freezer.state")) ?? "").trim() === "FROZEN";
  }

  stats(): CgroupStats {
    return { cpu: this.#cpu(), memory: this.#memory(), blkio: this.#blkio(), pids: this.#pidsStats() };
  }

  #cpu(): CgroupStats["cpu"] {
    const ticks = readTable(this.#file("cpuacct", "cpuacct.stat"));
    const throttling = readTable(this.#file("cpu", "cpu.stat"));
    const perCpu = readText(this.#file("cpuacct", "cpuacct.usage_percpu"));
    return {
      totalNanoseconds: readNumber(this.#file("cpuacct", "cpuacct.usage")) ?? 0,
      userNanoseconds: (ticks.user ?? 0) * NANOSECONDS_A_TICK,
      systemNanoseconds: (ticks.system ?? 0) * NANOSECONDS_A_TICK,
      perCpuNanoseconds: (perCpu ?? "").trim().split(/\s+/).filter(Boolean).map(Number),
      periods: throttling.nr_periods ?? 0,
      throttledPeriods: throttling.nr_throttled ?? 0,
      throttledNanoseconds: throttling.throttled_time ?? 0,
    };
  }

  #memory(): CgroupStats["memory"] {
    const limit = readNumber(this.#file("memory", "memory.limit_in_bytes"));
    return {
      usage: readNumber(this.#file("memory", "memory.usage_in_bytes")) ?? 0,
      maxUsage: readNumber(this.#file("memory", "memory.max_usage_in_bytes")) ?? 0,
      ...(limit === undefined ? {} : { limit }),
      failures: readNumber(this.#file("memory", "memory.failcnt")) ?? 0,
      stats: readTable(this.#file("memory", "memory.stat")),
    };
  }

  #pidsStats(): CgroupStats["pids"] {
    const limit = readNumber(this.#file("pids", "pids.max"));
    return {
      current: readNumber(this.#file("pids", "pids.current")) ?? 0,
      ...(limit === undefined ? {} : { limit }),
    };
  }

  #blkio(): CgroupStats["blkio"] {
    const table = (name: string) => parseBlkio(readText(this.#file("blkio", `blkio.${name}`)) ?? "");
    // The scheduler's figures (CFQ's, then BFQ's) know more than those of the throttling layer.
    const prefix = exists(this.#file("blkio", "blkio.io_serviced_recursive"))
      ? ""
      : exists(this.#file("blkio", "blkio.bfq.io_serviced_recursive"))
        ? "bfq."
        : undefined;
    const scheduler = (name: string) => (prefix === undefined ? [] : table(prefix + name));
    const orThrottling = (name: string) => {
      const values = scheduler(`${name}_recursive`);
      if (values.length > 0) return values;
      const recursive = table(`throttle.${name}_recursive`);
      return recursive.length > 0 ? recursive : table(`throttle.${name}`);
    };
    return {
      serviceBytes: orThrottling("io_service_bytes"),
      serviced: orThrottling("io_serviced"),
      queued: scheduler("io_queued_recursive"),
      serviceTime: scheduler("io_service_time_recursive"),
      waitTime: scheduler("io_wait_time_recursive"),
      merged: scheduler("io_merged_recursive"),
      time: scheduler("time_recursive"),
      sectors: scheduler("sectors_recursive"),
    };
  }

  oomKills(): number {
    return readTable(this.#file("memory", "memory.oom_control")).oom_kill ?? 0;
  }

  update(limits: CgroupLimits): void {
    this.#updateMemory(limits);
    this.#updateCpu(limits);
    this.#set("cpuset", "cpuset.cpus", limits.cpusetCpus);
    this.#set("cpuset", "cpuset.mems", limits.cpusetMems);
    this.#set("pids", "pids.max", limits.pids === undefined || limits.pids > 0 ? limits.pids : "max");
    if (limits.blkioWeight !== undefined) {
      const bfq = exists(this.#file("blkio", "blkio.bfq.weight"));
      this.#set("blkio", bfq ? "blkio.bfq.weight" : "blkio.weight", limits.blkioWeight);
    }
  }

  #set(controller: string, name: string, value: number | string | undefined): void {
    if (value !== undefined) writeValue(this.#file(controller, name), value);
  }

  #updateMemory({ memory, memorySwap, memoryReservation }: CgroupLimits): void {
    const set = (name: string, value: number) => this.#set("memory", name, value);
    if (memory !== undefined && memorySwap !== undefined) {
      // The kernel keeps memory ≤ memory and swap at every moment.
      const current =
        readNumber(this.#file("memory", "memory.memsw.limit_in_bytes")) ?? Number.POSITIVE_INFINITY;
      const swapFirst = memorySwap < 0 || (memory > 0 && memory > current);
      if (swapFirst) set("memory.memsw.limit_in_bytes", memorySwap);
      set("memory.limit_in_bytes", memory);
      if (!swapFirst) set("memory.memsw.limit_in_bytes", memorySwap);
    } else if (memory !== undefined) set("memory.limit_in_bytes", memory);
    else if (memorySwap !== undefined) set("memory.memsw.limit_in_bytes", memorySwap);
    if (memoryReservation !== undefined) set("memory.soft_limit_in_bytes", memoryReservation);
  }

  #updateCpu({ cpuShares, cpuPeriod, cpuQuota }: CgroupLimits): void {
    this.#set("cpu", "cpu.shares", cpuShares);
    if (cpuPeriod !== undefined) {
      try {
        this.#set("cpu", "cpu.cfs_period_us", cpuPeriod);
      } catch (error) {
        // A period that does not fit to the old quota: the new quota goes first.
        if (!isErrno(error, "EINVAL") || cpuQuota === undefined) throw error;
        this.#set("cpu", "cpu.cfs_quota_us", cpuQuota);
        this.#set("cpu", "cpu.cfs_period_us", cpuPeriod);
      }
    }
    this.#set("cpu", "cpu.cfs_quota_us", cpuQuota);
  }

  remove(): void {
    let problem: unknown;
    for (const controller of subfolders(this.#root)) {
      try {
        removeGroup(this.#folder(controller));
      } catch (error) {
        problem ??= error;
      }
    }
    if (problem !== undefined) throw problem;
  }
}

/** Lines `major:minor op value`, or `major:minor value` without an operation; the totals over all devices are left out. */
export function parseBlkio(text: string): BlkioValue[] {
  const values: BlkioValue[] = [];
  for (const line of text.split("\n")) {
    const fields = /^(\d+):(\d+)(?: ([A-Za-z]+))? (\d+)$/.exec(line);
    if (fields === null) continue;
    const [, major, minor, op, value] = fields;
    values.push({
      major: Number(major),
      minor: Number(minor),
      op: op ?? "",
      value: parseNumber(value as string) ?? 0,
    });
  }
  return values;
}
