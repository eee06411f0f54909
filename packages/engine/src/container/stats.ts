import { readFileSync } from "node:fs";
import type { BlkioEntry, BlkioStats, CpuStats, NetworkStats, StatsResponse } from "@berth/api";
import { nowNanoseconds, rfc3339Nano, ZERO_TIME } from "@berth/base";
import { type BlkioValue, type CgroupStats, hostCpu } from "@berth/linux";
import type { EngineContext } from "../context.ts";
import { cgroupOf } from "./cgroup.ts";
import { type Container, isAlive } from "./container.ts";

const PERIOD = 1000;

/**
 * Samples of a container's resources. `stream`: one each second until the signal fires or the container is removed;
 * else one message, which has a second sample to compare with unless `oneShot`.
 */
export async function containerStats(
  engine: EngineContext,
  reference: string,
  options: { stream: boolean; oneShot: boolean },
  signal: AbortSignal,
): Promise<AsyncIterable<StatsResponse>> {
  const container = engine.containers.get(reference);
  return samples(engine, container, options, signal);
}

async function* samples(
  engine: EngineContext,
  container: Container,
  { stream, oneShot }: { stream: boolean; oneShot: boolean },
  signal: AbortSignal,
): AsyncGenerator<StatsResponse> {
  let previous: StatsResponse | undefined;
  for (let first = true; ; first = false) {
    if (signal.aborted || engine.containers.find(container.id) !== container) return;
    const now = sample(engine, container);
    if (now === undefined) {
      yield emptyStats(container);
      previous = undefined;
      if (!stream) return;
    } else {
      if (previous) {
        now.preread = previous.read;
        now.precpu_stats = previous.cpu_stats;
      }
      previous = now;
      // A single message without `oneShot` is the second sample.
      if (stream || oneShot || !first) yield now;
      if (!stream && (oneShot || !first)) return;
    }
    await pause(PERIOD, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function noBlkio(): BlkioStats {
  return {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function emptyStats(container: Container): StatsResponse {
  return {
    read: ZERO_TIME,
    preread: ZERO_TIME,
    pids_stats: {},
    blkio_stats: noBlkio(),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: NO_CPU,
    precpu_stats: NO_CPU,
    memory_stats: {},
    name: `/${container.record.name}`,
    id: container.id,
  };
}

/** Undefined when it does not run. */
function sample(engine: EngineContext, container: Container): StatsResponse | undefined {
  if (!isAlive(container)) return undefined;
  const group = cgroupOf(engine, container);
  let figures: CgroupStats;
  try {
    figures = group.stats();
  } catch {
    // It ended this moment.
    return undefined;
  }
  const networks = networkStats(container.state.pid);
  return {
    ...emptyStats(container),
    read: rfc3339Nano(nowNanoseconds()),
    pids_stats: { ...figures.pids },
    blkio_stats: blkio(figures.blkio, group.mode === "v2"),
    cpu_stats: cpu(figures.cpu),
    memory_stats: memory(figures.memory, engine),
    ...(networks ? { networks } : {}),
  };
}

function cpu(figures: CgroupStats["cpu"]): CpuStats {
  const host = hostCpu();
  return {
    cpu_usage: {
      total_usage: figures.totalNanoseconds,
      ...(figures.perCpuNanoseconds ? { percpu_usage: figures.perCpuNanoseconds } : {}),
      usage_in_kernelmode: figures.systemNanoseconds,
      usage_in_usermode: figures.userNanoseconds,
    },
    system_cpu_usage: host.totalNanoseconds,
    online_cpus: host.online,
    throttling_data: {
      periods: figures.periods,
      throttled_periods: figures.throttledPeriods,
      throttled_time: figures.throttledNanoseconds,
    },
  };
}

function memory(figures: CgroupStats["memory"], engine: EngineContext): StatsResponse["memory_stats"] {
  return {
    usage: figures.usage,
    ...(figures.maxUsage === undefined ? {} : { max_usage: figures.maxUsage }),
    stats: figures.stats,
    ...(figures.failures > 0 ? { failcnt: figures.failures } : {}),
    // Without a limit, the host's memory: what a client computes a percentage of.
    limit: Math.min(figures.limit ?? Number.POSITIVE_INFINITY, engine.facts.memoryTotal),
  };
}

/** cgroup v2 has only bytes and operations; Docker gives null for the rest there, and empty lists on v1. */
function blkio(figures: CgroupStats["blkio"], unified: boolean): BlkioStats {
  const list = (values: readonly BlkioValue[]): BlkioEntry[] | null =>
    unified && values.length === 0 ? null : values.map((value) => ({ ...value }));
  return {
    io_service_bytes_recursive: list(figures.serviceBytes),
    io_serviced_recursive: list(figures.serviced),
    io_queue_recursive: list(figures.queued),
    io_service_time_recursive: list(figures.serviceTime),
    io_wait_time_recursive: list(figures.waitTime),
    io_merged_recursive: list(figures.merged),
    io_time_recursive: list(figures.time),
    sectors_recursive: list(figures.sectors),
  };
}

/** Counters of the interfaces in the network namespace of a process; undefined for one without any but loopback. */
function networkStats(pid: number): Record<string, NetworkStats> | undefined {
  try {
    return parseNetDev(readFileSync(`/proc/${pid}/net/dev`, "utf8"));
  } catch {
    return undefined;
  }
}

/** `/proc/<pid>/net/dev`, proc(5). */
export function parseNetDev(text: string): Record<string, NetworkStats> | undefined {
  const networks: Record<string, NetworkStats> = {};
  for (const line of text.split("\n").slice(2)) {
    const [name = "", rest = ""] = line.split(":");
    const interfaceName = name.trim();
    const n = rest.trim().split(/\s+/).map(Number);
    if (interfaceName === "" || interfaceName === "lo" || n.length < 12) continue;
    networks[interfaceName] = {
      rx_bytes: n[0]!,
      rx_packets: n[1]!,
      rx_errors: n[2]!,
      rx_dropped: n[3]!,
      tx_bytes: n[8]!,
      tx_packets: n[9]!,
      tx_errors: n[10]!,
      tx_dropped: n[11]!,
    };
  }
  return Object.keys(networks).length > 0 ? networks : undefined;
}
