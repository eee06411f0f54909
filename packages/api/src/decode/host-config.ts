import type { HostConfig, PortBinding, PortMap, Resources, RestartPolicy } from "../types/host-config.ts";
import type { Mount } from "../types/mount.ts";
import {
  boolean,
  consoleSize,
  type Decoder,
  type Fields,
  int,
  int64,
  integer,
  list,
  map,
  omitEmpty,
  optional,
  pointer,
  string,
  stringOrList,
  struct,
} from "./decoder.ts";

const throttleDevices = list(
  struct<{ Path: string; Rate: number }>("ThrottleDevice", { Path: string, Rate: integer("uint64") }),
);

export const resourceFields: Fields<Resources> = {
  CpuShares: int64,
  Memory: int64,
  NanoCpus: int64,
  CgroupParent: string,
  BlkioWeight: integer("uint16"),
  BlkioWeightDevice: list(
    struct<{ Path: string; Weight: number }>("WeightDevice", { Path: string, Weight: integer("uint16") }),
  ),
  BlkioDeviceReadBps: throttleDevices,
  BlkioDeviceWriteBps: throttleDevices,
  BlkioDeviceReadIOps: throttleDevices,
  BlkioDeviceWriteIOps: throttleDevices,
  CpuPeriod: int64,
  CpuQuota: int64,
  CpuRealtimePeriod: int64,
  CpuRealtimeRuntime: int64,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: list(
    struct<{ PathOnHost: string; PathInContainer: string; CgroupPermissions: string }>("DeviceMapping", {
      PathOnHost: string,
      PathInContainer: string,
      CgroupPermissions: string,
    }),
  ),
  DeviceCgroupRules: list(string),
  DeviceRequests: list(
    struct("DeviceRequest", {
      Driver: string,
      Count: int,
      DeviceIDs: list(string),
      Capabilities: list(list(string)) as Decoder<string[][] | null>,
      Options: map(string),
    }),
  ),
  KernelMemory: omitEmpty(int64),
  KernelMemoryTCP: omitEmpty(int64),
  MemoryReservation: int64,
  MemorySwap: int64,
  MemorySwappiness: pointer(int64),
  OomKillDisable: pointer(boolean),
  PidsLimit: pointer(int64),
  Ulimits: list(
    struct<{ Name: string; Hard: number; Soft: number }>("Ulimit", {
      Name: string,
      Hard: int64,
      Soft: int64,
    }),
  ),
  CpuCount: int64,
  CpuPercent: int64,
  IOMaximumIOps: integer("uint64"),
  IOMaximumBandwidth: integer("uint64"),
};

export const restartPolicyDecoder: Decoder<RestartPolicy> = struct<RestartPolicy>("RestartPolicy", {
  Name: string,
  MaximumRetryCount: int,
});

const driver = struct<{ Name?: string; Options?: Record<string, string> | null }>("Driver", {
  Name: omitEmpty(string),
  Options: omitEmpty(map(string)),
});

const mount: Decoder<Mount> = struct<Mount>("Mount", {
  Type: omitEmpty(string) as Decoder<Mount["Type"]>,
  Source: omitEmpty(string),
  Target: omitEmpty(string),
  ReadOnly: omitEmpty(boolean),
  Consistency: omitEmpty(string),
  BindOptions: optional(
    struct<NonNullable<Mount["BindOptions"]>>("BindOptions", {
      Propagation: omitEmpty(string) as Decoder<NonNullable<Mount["BindOptions"]>["Propagation"]>,
      NonRecursive: omitEmpty(boolean),
      CreateMountpoint: omitEmpty(boolean),
      ReadOnlyNonRecursive: omitEmpty(boolean),
      ReadOnlyForceRecursive: omitEmpty(boolean),
    }),
  ),
  VolumeOptions: optional(
    struct<NonNullable<Mount["VolumeOptions"]>>("VolumeOptions", {
      NoCopy: omitEmpty(boolean),
      Labels: omitEmpty(map(string)),
      Subpath: omitEmpty(string),
      DriverConfig: optional(driver),
    }),
  ),
  ImageOptions: optional(struct<{ Subpath?: string }>("ImageOptions", { Subpath: omitEmpty(string) })),
  TmpfsOptions: optional(
    struct<NonNullable<Mount["TmpfsOptions"]>>("TmpfsOptions", {
      SizeBytes: omitEmpty(int64),
      Mode: omitEmpty(integer("uint32")),
      Options: omitEmpty(list(list(string)) as Decoder<string[][] | null>),
    }),
  ),
  ClusterOptions: optional(struct<object>("ClusterOptions", {})),
});

const portMap: Decoder<PortMap | null> = map(
  list(struct<PortBinding>("PortBinding", { HostIp: string, HostPort: string })),
);

export const hostConfigDecoder: Decoder<HostConfig> = struct<HostConfig>("HostConfig", {
  ...resourceFields,
  Binds: list(string),
  ContainerIDFile: string,
  LogConfig: struct("LogConfig", { Type: string, Config: map(string) }),
  NetworkMode: string,
  PortBindings: portMap,
  RestartPolicy: restartPolicyDecoder,
  AutoRemove: boolean,
  VolumeDriver: string,
  VolumesFrom: list(string),
  ConsoleSize: consoleSize,
  Annotations: omitEmpty(map(string)),
  CapAdd: stringOrList,
  CapDrop: stringOrList,
  CgroupnsMode: string,
  Dns: list(string),
  DnsOptions: list(string),
  DnsSearch: list(string),
  ExtraHosts: list(string),
  GroupAdd: list(string),
  IpcMode: string,
  Cgroup: string,
  Links: list(string),
  OomScoreAdj: int,
  PidMode: string,
  Privileged: boolean,
  PublishAllPorts: boolean,
  ReadonlyRootfs: boolean,
  SecurityOpt: list(string),
  StorageOpt: omitEmpty(map(string)),
  Tmpfs: omitEmpty(map(string)),
  UTSMode: string,
  UsernsMode: string,
  ShmSize: int64,
  Sysctls: omitEmpty(map(string)),
  Runtime: omitEmpty(string),
  Isolation: string,
  Mounts: omitEmpty(list(mount)),
  MaskedPaths: list(string),
  ReadonlyPaths: list(string),
  Init: optional(boolean),
});
