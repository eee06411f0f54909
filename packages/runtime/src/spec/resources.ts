import type { HostConfig, ThrottleDevice, Ulimit } from "@berth/api";
import type { OciSpec } from "../runtime.ts";
import type { DeviceRule } from "./devices.ts";
import type { SpecHost } from "./input.ts";

/** Docker's `--cpus` is a quota of this period, in microseconds. */
const PERIOD = 100_000;

/** An object without the fields that say nothing: zero, empty, null. */
function stated(
  fields: Record<string, number | string | boolean | null | undefined>,
): Record<string, unknown> | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== 0 && value !== "" && value != null);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/**
 * `linux.resources`: limits in the words of the OCI runtime spec, which are those of cgroups v1; the OCI runtimes
 * translate them for v2. The engine has validated them and taken out what this kernel lacks.
 * @throws SyscallError for a block device that is not there
 */
export function containerResources(
  hostConfig: HostConfig,
  rules: readonly DeviceRule[],
  host: SpecHost,
): Record<string, unknown> {
  const memory = stated({
    limit: hostConfig.Memory,
    reservation: hostConfig.MemoryReservation,
    swap: swapLimit(hostConfig),
    disableOOMKiller: hostConfig.OomKillDisable || undefined,
  });
  const swappiness = hostConfig.MemorySwappiness;
  // Zero is a value here: -1 and null are "not said".
  const swappy = swappiness === null || swappiness < 0 ? undefined : { swappiness };
  const cpu = stated({
    shares: hostConfig.CpuShares,
    quota: hostConfig.NanoCpus > 0 ? Math.floor((hostConfig.NanoCpus * PERIOD) / 1e9) : hostConfig.CpuQuota,
    period: hostConfig.NanoCpus > 0 ? PERIOD : hostConfig.CpuPeriod,
    realtimePeriod: hostConfig.CpuRealtimePeriod,
    realtimeRuntime: hostConfig.CpuRealtimeRuntime,
    cpus: hostConfig.CpusetCpus,
    mems: hostConfig.CpusetMems,
  });
  const blockIO = blockResources(hostConfig, host);
  const pids = hostConfig.PidsLimit;
  return {
    devices: rules,
    ...(memory === undefined && swappy === undefined ? {} : { memory: { ...memory, ...swappy } }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(pids === null || pids <= 0 ? {} : { pids: { limit: pids } }),
    ...(blockIO === undefined ? {} : { blockIO }),
  };
}

/** With a memory limit and nothing said of swap, as much swap again; -1 is no limit, which is what there is without one. */
function swapLimit({ Memory: memory, MemorySwap: swap }: HostConfig): number | undefined {
  if (swap > 0) return swap;
  return swap === 0 && memory > 0 ? memory * 2 : undefined;
}

function blockResources(hostConfig: HostConfig, host: SpecHost): Record<string, unknown> | undefined {
  const place = (path: string) => {
    const device = host.devicesAt(path)[0];
    return { major: device?.major ?? 0, minor: device?.minor ?? 0 };
  };
  const throttles = (devices: readonly ThrottleDevice[] | null) =>
    (devices ?? []).map(({ Path, Rate }) => ({ ...place(Path), rate: Rate }));
  const lists: Record<string, unknown[]> = {
    weightDevice: (hostConfig.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({
      ...place(Path),
      weight: Weight,
    })),
    throttleReadBpsDevice: throttles(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(hostConfig.BlkioDeviceWriteIOps),
  };
  const entries = Object.entries(lists).filter(([, list]) => list.length > 0);
  if (hostConfig.BlkioWeight === 0 && entries.length === 0) return undefined;
  return {
    ...(hostConfig.BlkioWeight === 0 ? {} : { weight: hostConfig.BlkioWeight }),
    ...Object.fromEntries(entries),
  };
}

/** `process.rlimits`, sorted by name: the container's, and the daemon's for what it does not say. -1 is no limit. */
export function containerRlimits(
  own: readonly Ulimit[] | null,
  defaults: readonly Ulimit[],
): NonNullable<OciSpec["process"]["rlimits"]> {
  const byName = new Map([...defaults, ...(own ?? [])].map((ulimit) => [ulimit.Name.toUpperCase(), ulimit]));
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { Soft: soft, Hard: hard }]) => ({ type: `RLIMIT_${name}`, soft, hard }));
}
