import type { HostConfig, Ulimit } from "@berth/api";
import type { Body } from "@berth/client";
import type { Resource, ThrottleDevice } from "../model.ts";
import type { NamedService } from "../target.ts";

const nanoCpus = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.round(value * 1e9);

/** cgroup limits, devices and ulimits. `deploy.resources` wins over the older keys of the service. */
export function resourcesOf(service: NamedService): Body<HostConfig> {
  const limits: Resource = service.deploy?.resources?.limits ?? {};
  const reservations: Resource = service.deploy?.resources?.reservations ?? {};
  const blkio = service.blkio_config;
  const throttle = (list: readonly ThrottleDevice[] | undefined) =>
    list?.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return compact<Body<HostConfig>>({
    CgroupParent: service.cgroup_parent,
    Memory: limits.memory ?? service.mem_limit,
    MemoryReservation: reservations.memory ?? service.mem_reservation,
    MemorySwap: service.memswap_limit,
    MemorySwappiness: service.mem_swappiness,
    NanoCpus: nanoCpus(limits.cpus ?? service.cpus),
    CpuCount: service.cpu_count,
    CpuPercent: service.cpu_percent,
    CpuPeriod: service.cpu_period,
    CpuQuota: service.cpu_quota,
    CpuRealtimePeriod: service.cpu_rt_period,
    CpuRealtimeRuntime: service.cpu_rt_runtime,
    CpuShares: service.cpu_shares,
    CpusetCpus: service.cpuset,
    PidsLimit: limits.pids ?? service.pids_limit,
    OomKillDisable: service.oom_kill_disable,
    BlkioWeight: blkio?.weight,
    BlkioWeightDevice: blkio?.weight_device?.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: throttle(blkio?.device_read_bps),
    BlkioDeviceWriteBps: throttle(blkio?.device_write_bps),
    BlkioDeviceReadIOps: throttle(blkio?.device_read_iops),
    BlkioDeviceWriteIOps: throttle(blkio?.device_write_iops),
    Devices: service.devices?.map(({ source = "", target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target || source,
      CgroupPermissions: permissions || "rwm",
    })),
    DeviceCgroupRules: service.device_cgroup_rules,
    DeviceRequests: deviceRequests(service),
    Ulimits: Object.entries(service.ulimits ?? {}).map(
      ([name, { single = 0, soft = single, hard = single }]): Ulimit => ({
        Name: name,
        Soft: soft,
        Hard: hard,
      }),
    ),
  });
}

function deviceRequests(service: NamedService): HostConfig["DeviceRequests"] | undefined {
  const asked = service.deploy?.resources?.reservations?.devices ?? [];
  if (asked.length === 0) return undefined;
  return asked.map((device) => ({
    Driver: device.driver ?? "",
    Count: device.count ?? -1,
    DeviceIDs: device.device_ids ?? null,
    Capabilities: device.capabilities === undefined ? null : [device.capabilities],
    Options: device.options ?? null,
  }));
}

/** Without what is undefined or an empty list. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, each]) => each !== undefined && !(Array.isArray(each) && each.length === 0),
    ),
  ) as T;
}
