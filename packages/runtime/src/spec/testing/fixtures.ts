import type { HostConfig } from "@berth/api";
import type { Device } from "../devices.ts";
import type { SpecHost, SpecInput } from "../input.ts";

/** A HostConfig as the decoder makes it of `{}`, with `changes`. */
export function hostConfig(changes: Partial<HostConfig> = {}): HostConfig {
  return {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: { Type: "", Config: null },
    NetworkMode: "default",
    PortBindings: null,
    RestartPolicy: { Name: "", MaximumRetryCount: 0 },
    AutoRemove: false,
    VolumeDriver: "",
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "",
    Dns: null,
    DnsOptions: null,
    DnsSearch: null,
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: "private",
    Cgroup: "",
    Links: null,
    OomScoreAdj: 0,
    PidMode: "",
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: "",
    UsernsMode: "",
    ShmSize: 0,
    Isolation: "",
    MaskedPaths: null,
    ReadonlyPaths: null,
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: "",
    BlkioWeight: 0,
    BlkioWeightDevice: null,
    BlkioDeviceReadBps: null,
    BlkioDeviceWriteBps: null,
    BlkioDeviceReadIOps: null,
    BlkioDeviceWriteIOps: null,
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: "",
    CpusetMems: "",
    Devices: null,
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...changes,
  };
}

const NULL: Device = { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 };
const DISK: Device = { path: "/dev/vda", type: "b", major: 254, minor: 0, fileMode: 0o600, uid: 0, gid: 6 };

/** A made-up host: two devices, all capabilities but one. */
export function specHost(changes: Partial<SpecHost> = {}): SpecHost {
  return {
    architecture: "amd64",
    kernel: "6.18.44",
    cgroupVersion: 1,
    capabilities: [
      "CAP_CHOWN",
      "CAP_DAC_OVERRIDE",
      "CAP_FOWNER",
      "CAP_FSETID",
      "CAP_KILL",
      "CAP_SETGID",
      "CAP_SETUID",
      "CAP_SETPCAP",
      "CAP_NET_BIND_SERVICE",
      "CAP_NET_ADMIN",
      "CAP_NET_RAW",
      "CAP_SYS_CHROOT",
      "CAP_SYS_PTRACE",
      "CAP_SYS_ADMIN",
      "CAP_MKNOD",
      "CAP_AUDIT_WRITE",
      "CAP_SETFCAP",
    ],
    apparmor: false,
    selinux: false,
    hasSysctl: () => true,
    devicesAt: (path) => [path === "/dev/vda" ? DISK : { ...NULL, path }],
    allDevices: () => [NULL, DISK],
    mountInfo: () =>
      "25 0 254:0 / / rw - ext4 /dev/vda rw\n30 25 0:5 / /srv/shared rw shared:9 - tmpfs tmpfs rw\n",
    ...changes,
  };
}

export const ID = "0123456789abcdef".repeat(4);

export function specInput(
  host: Partial<HostConfig> = {},
  changes: Partial<Omit<SpecInput, "hostConfig">> = {},
): SpecInput {
  return {
    id: ID,
    config: { Hostname: ID.slice(0, 12), Domainname: "", WorkingDir: "", Tty: false },
    hostConfig: hostConfig(host),
    args: ["sleep", "1000"],
    env: ["PATH=/bin", `HOSTNAME=${ID.slice(0, 12)}`],
    mounts: [],
    files: { hosts: "/c/hosts", hostname: "/c/hostname", resolvConf: "/c/resolv.conf" },
    host: specHost(),
    ...changes,
  };
}
