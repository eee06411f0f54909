/** A control group of one container, whichever version the host has. Functions throw SyscallError. */
export interface Cgroup {
  readonly mode: CgroupMode;
  exists(): boolean;
  /** Makes it in every hierarchy, where the OCI runtime has not. */
  create(): void;
  /** Moves a process into it. */
  addProcess(pid: number): void;
  /** The processes in it and in the groups below, each once. */
  pids(): number[];
  /** Stops all processes in it; returns when they stand still. @throws SyscallError EBUSY after two seconds, having thawed */
  freeze(): void;
  thaw(): void;
  frozen(): boolean;
  stats(): CgroupStats;
  /** How many processes the kernel's out-of-memory killer ended in it. */
  oomKills(): number;
  /** Changes the limits that are given. @throws SyscallError when the kernel refuses one; those before it are in force. */
  update(limits: CgroupLimits): void;
  /** Removes it and the groups below. @throws SyscallError EBUSY while processes are in it; nothing when it is not there. */
  remove(): void;
}

/** `hybrid`: the controllers are v1's, and a cgroup v2 tree without controllers that matter is at `unified`. */
export type CgroupMode = "v1" | "hybrid" | "v2";

/** Bytes and microseconds, in Docker's units. `-1` takes a limit away. */
export interface CgroupLimits {
  memory?: number;
  /** Memory and swap together. */
  memorySwap?: number;
  memoryReservation?: number;
  /** 2..262144, 1024 is normal. */
  cpuShares?: number;
  cpuQuota?: number;
  cpuPeriod?: number;
  /** `0-3,5`. */
  cpusetCpus?: string;
  cpusetMems?: string;
  pids?: number;
  /** 10..1000. */
  blkioWeight?: number;
}

export interface BlkioValue {
  major: number;
  minor: number;
  op: string;
  value: number;
}

/** Figures as the kernel gives them; what one version of cgroups does not have is absent. */
export interface CgroupStats {
  cpu: {
    totalNanoseconds: number;
    userNanoseconds: number;
    systemNanoseconds: number;
    /** v1 only. */
    perCpuNanoseconds?: number[];
    periods: number;
    throttledPeriods: number;
    throttledNanoseconds: number;
  };
  memory: {
    usage: number;
    /** v1 only. */
    maxUsage?: number;
    /** Absent: none. */
    limit?: number;
    /** How often the limit was hit (v1), or the group was out of memory (v2). */
    failures: number;
    /** memory.stat. */
    stats: Record<string, number>;
  };
  blkio: {
    serviceBytes: BlkioValue[];
    serviced: BlkioValue[];
    queued: BlkioValue[];
    serviceTime: BlkioValue[];
    waitTime: BlkioValue[];
    merged: BlkioValue[];
    time: BlkioValue[];
    sectors: BlkioValue[];
  };
  pids: {
    current: number;
    /** Absent: none. */
    limit?: number;
  };
}
