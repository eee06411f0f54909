import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

/** What the kernel and its cgroups can do, found once at the daemon's start. */
export interface HostFacts {
  cgroupVersion: 1 | 2;
  cpus: number;
  /** Bytes of the host. */
  memoryTotal: number;
  /** Kernel's list of processors and memory nodes: `0-3`. */
  cpusetCpus: string;
  cpusetMems: string;
  memoryLimit: boolean;
  swapLimit: boolean;
  memoryReservation: boolean;
  memorySwappiness: boolean;
  kernelMemory: boolean;
  kernelMemoryTcp: boolean;
  oomKillDisable: boolean;
  pidsLimit: boolean;
  cpuShares: boolean;
  cpuQuota: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  blkioWeight: boolean;
  blkioWeightDevice: boolean;
  blkioThrottle: boolean;
  ipv4Forwarding: boolean;
  bridgeNfIptables: boolean;
  bridgeNfIp6tables: boolean;
  seccomp: boolean;
  apparmor: boolean;
}

const CGROUPS = "/sys/fs/cgroup";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

export function readHostFacts(): HostFacts {
  const unified = existsSync(`${CGROUPS}/cgroup.controllers`);
  const common = {
    cpus: availableParallelism() || cpus().length,
    memoryTotal: totalmem(),
    ipv4Forwarding: read("/proc/sys/net/ipv4/ip_forward") !== "0",
    bridgeNfIptables: read("/proc/sys/net/bridge/bridge-nf-call-iptables") === "1",
    bridgeNfIp6tables: read("/proc/sys/net/bridge/bridge-nf-call-ip6tables") === "1",
    seccomp: /^Seccomp:/m.test(read("/proc/self/status")),
    apparmor: read("/sys/module/apparmor/parameters/enabled") === "Y",
  };
  return unified ? { ...common, ...unifiedFacts() } : { ...common, ...legacyFacts() };
}

type CgroupFacts = Omit<
  HostFacts,
  | "cpus"
  | "memoryTotal"
  | "ipv4Forwarding"
  | "bridgeNfIptables"
  | "bridgeNfIp6tables"
  | "seccomp"
  | "apparmor"
>;

function legacyFacts(): CgroupFacts {
  const has = (controller: string, file: string) => existsSync(`${CGROUPS}/${controller}/${file}`);
  const memory = has("memory", "memory.limit_in_bytes");
  const cpuset = has("cpuset", "cpuset.cpus");
  return {
    cgroupVersion: 1,
    cpusetCpus: read(`${CGROUPS}/cpuset/cpuset.cpus`),
    cpusetMems: read(`${CGROUPS}/cpuset/cpuset.mems`),
    memoryLimit: memory,
    swapLimit: has("memory", "memory.memsw.limit_in_bytes"),
    memoryReservation: has("memory", "memory.soft_limit_in_bytes"),
    memorySwappiness: has("memory", "memory.swappiness"),
    kernelMemory: has("memory", "memory.kmem.limit_in_bytes"),
    kernelMemoryTcp: has("memory", "memory.kmem.tcp.limit_in_bytes"),
    oomKillDisable: has("memory", "memory.oom_control"),
    pidsLimit: existsSync(`${CGROUPS}/pids`),
    cpuShares: has("cpu", "cpu.shares"),
    cpuQuota: has("cpu", "cpu.cfs_quota_us"),
    cpuRealtime: has("cpu", "cpu.rt_period_us"),
    cpuset,
    blkioWeight: has("blkio", "blkio.weight"),
    blkioWeightDevice: has("blkio", "blkio.weight_device"),
    blkioThrottle: has("blkio", "blkio.throttle.read_bps_device"),
  };
}

function unifiedFacts(): CgroupFacts {
  const controllers = new Set(read(`${CGROUPS}/cgroup.controllers`).split(" "));
  const memory = controllers.has("memory");
  // The root has no memory.swap.max; a cgroup below it does when swap accounting is on.
  const swap = memory && existsSync(`${CGROUPS}${ownCgroup()}/memory.swap.max`);
  return {
    cgroupVersion: 2,
    cpusetCpus: read(`${CGROUPS}/cpuset.cpus.effective`),
    cpusetMems: read(`${CGROUPS}/cpuset.mems.effective`),
    memoryLimit: memory,
    swapLimit: swap,
    memoryReservation: memory,
    memorySwappiness: false,
    kernelMemory: false,
    kernelMemoryTcp: false,
    oomKillDisable: false,
    pidsLimit: controllers.has("pids"),
    cpuShares: controllers.has("cpu"),
    cpuQuota: controllers.has("cpu"),
    cpuRealtime: false,
    cpuset: controllers.has("cpuset"),
    blkioWeight: controllers.has("io"),
    blkioWeightDevice: controllers.has("io"),
    blkioThrottle: controllers.has("io"),
  };
}

function ownCgroup(): string {
  return /^0::(.*)$/m.exec(read("/proc/self/cgroup"))?.[1] ?? "";
}
