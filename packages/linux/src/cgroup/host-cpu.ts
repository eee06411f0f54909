import { readText } from "./files.ts";

export interface HostCpu {
  /** Time of all processors together, idle time included. */
  totalNanoseconds: number;
  online: number;
}

const NANOSECONDS_A_TICK = 1e7;

/** The host's processors, from the text of /proc/stat: Docker's `system_cpu_usage` and `online_cpus`. */
export function hostCpu(stat = readText("/proc/stat") ?? ""): HostCpu {
  const lines = stat.split("\n");
  // user nice system idle iowait irq softirq: guest time is within user, stolen time is nobody's.
  const ticks = (lines[0] ?? "").trim().split(/\s+/).slice(1, 8).map(Number);
  return {
    totalNanoseconds: ticks.reduce((sum, value) => sum + value, 0) * NANOSECONDS_A_TICK,
    online: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}
