import type {
  ContainerConfig,
  DeviceMapping,
  DeviceRequest,
  HostConfig,
  NetworkingConfig,
  Resources,
} from "@berth/api";
import type { Body } from "@berth/client";
import type { Parsed } from "../flags/flag.ts";
import { isMacAddress } from "./addresses.ts";
import { isCdiName, parseDevice } from "./devices.ts";
import type { CONTAINER_FLAGS } from "./flags.ts";
import { readKeyValues, toMap } from "./key-values.ts";
import { endpointsOf } from "./network.ts";
import { healthConfig, isNamespaceMode, logConfig, parseRestartPolicy, storageOptions } from "./policy.ts";
import { parsePorts } from "./ports.ts";
import { parseSecurityOptions } from "./security.ts";
import { parseVolumes } from "./volumes.ts";

export interface ContainerRequest {
  config: Body<ContainerConfig> & {
    AttachStdin: boolean;
    AttachStdout: boolean;
    AttachStderr: boolean;
    Tty: boolean;
    OpenStdin: boolean;
    StdinOnce: boolean;
  };
  hostConfig: Body<HostConfig> & { AutoRemove: boolean };
  networkingConfig: Body<NetworkingConfig>;
}

type Values = Parsed<typeof CONTAINER_FLAGS>["values"];

/**
 * What the flags of `run` and `create` ask, as the API takes it: field by field what Docker's command line sends.
 * @throws Error in Docker's words.
 */
export function containerRequest(
  flags: Parsed<typeof CONTAINER_FLAGS>,
  image: string,
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ContainerRequest {
  const { values, given } = flags;
  const swappiness = values["memory-swappiness"];
  const mac = values["mac-address"].trim();
  if (mac !== "" && !isMacAddress(mac))
    throw new Error(`${values["mac-address"]} is not a valid mac address`);
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const { binds, anonymous } = parseVolumes(values.volume);
  const { exposed, bindings } = parsePorts(values.publish, values.expose);
  const { devices, requests } = devicesOf(values);
  const env = readKeyValues(values["env-file"], values.env, (key) => environment[key]);
  const labels = toMap(readKeyValues(values["label-file"], values.label));
  checkNamespaces(values);
  const restart = parseRestartPolicy(values.restart);
  const log = logConfig(values["log-driver"], values["log-opt"]);
  const security = parseSecurityOptions(values["security-opt"]);
  const storage = storageOptions(values["storage-opt"]);
  const health = healthConfig({
    command: values["health-cmd"],
    interval: values["health-interval"],
    timeout: values["health-timeout"],
    startPeriod: values["health-start-period"],
    startInterval: values["health-start-interval"],
    retries: values["health-retries"],
    none: values["no-healthcheck"],
  });
  const attach = new Set(values.attach);
  const attachAll = attach.size === 0;
  const attachStdin = attach.has("stdin") || values.interactive;
  const config: ContainerRequest["config"] = {
    Hostname: values.hostname,
    Domainname: values.domainname,
    User: values.user,
    AttachStdin: attachStdin,
    AttachStdout: attachAll || attach.has("stdout"),
    AttachStderr: attachAll || attach.has("stderr"),
    ...(Object.keys(exposed).length > 0 && { ExposedPorts: exposed }),
    Tty: values.tty,
    OpenStdin: values.interactive,
    StdinOnce: values.interactive && attachStdin,
    Env: orNull(env),
    Cmd: orNull(command),
    ...(health !== undefined && { Healthcheck: health }),
    Image: image,
    Volumes: anonymous,
    WorkingDir: values.workdir,
    Entrypoint: values.entrypoint !== "" || given("entrypoint") ? [values.entrypoint] : null,
    OnBuild: null,
    Labels: labels,
    ...(values["stop-signal"] !== "" && { StopSignal: values["stop-signal"] }),
    ...(given("stop-timeout") && { StopTimeout: values["stop-timeout"] }),
  };
  if (values.rm && restart.Name !== "no" && restart.Name !== "") {
    throw new Error("conflicting options: cannot specify both --restart and --rm");
  }
  const networks = [...values.net, ...values.network];
  const hostConfig: ContainerRequest["hostConfig"] = {
    Binds: orNull(binds),
    ContainerIDFile: values.cidfile,
    LogConfig: log,
    NetworkMode: networks[0]?.target ?? "default",
    PortBindings: bindings,
    RestartPolicy: restart,
    AutoRemove: values.rm,
    VolumeDriver: values["volume-driver"],
    VolumesFrom: orNull(values["volumes-from"]),
    ConsoleSize: [0, 0],
    ...(values.annotation.size > 0 && { Annotations: Object.fromEntries(values.annotation) }),
    CapAdd: orNull(capabilities(values["cap-add"])),
    CapDrop: orNull(capabilities(values["cap-drop"])),
    CgroupnsMode: values.cgroupns,
    Dns: values.dns,
    DnsOptions: [...values["dns-option"], ...values["dns-opt"]],
    DnsSearch: values["dns-search"],
    ExtraHosts: orNull(values["add-host"]),
    GroupAdd: orNull(values["group-add"]),
    IpcMode: values.ipc,
    Cgroup: "",
    Links: orNull(values.link),
    OomScoreAdj: values["oom-score-adj"],
    PidMode: values.pid,
    Privileged: values.privileged,
    PublishAllPorts: values["publish-all"],
    ReadonlyRootfs: values["read-only"],
    SecurityOpt: security.options,
    ...(storage !== undefined && { StorageOpt: storage }),
    ...(values.tmpfs.length > 0 && { Tmpfs: tmpfsOf(values.tmpfs) }),
    UTSMode: values.uts,
    UsernsMode: values.userns,
    ShmSize: values["shm-size"],
    ...(values.sysctl.size > 0 && { Sysctls: Object.fromEntries(values.sysctl) }),
    ...(values.runtime !== "" && { Runtime: values.runtime }),
    Isolation: values.isolation,
    ...resourcesOf(values, devices, requests),
    ...(values.mount.length > 0 && { Mounts: values.mount }),
    MaskedPaths: security.maskedPaths,
    ReadonlyPaths: security.readonlyPaths,
    ...(values.init !== undefined && { Init: values.init }),
  };
  const endpoints = endpointsOf({
    networks,
    aliases: [...values["network-alias"], ...values["net-alias"]],
    links: values.link,
    ipv4: values.ip,
    ipv6: values.ip6,
    linkLocalIps: values["link-local-ip"],
    macAddress: values["mac-address"],
  });
  return { config, hostConfig, networkingConfig: { EndpointsConfig: endpoints } };
}

function resourcesOf(values: Values, devices: DeviceMapping[], requests: DeviceRequest[]): Body<Resources> {
  return {
    CpuShares: values["cpu-shares"],
    Memory: values.memory,
    NanoCpus: values.cpus,
    CgroupParent: values["cgroup-parent"],
    BlkioWeight: values["blkio-weight"],
    BlkioWeightDevice: values["blkio-weight-device"],
    BlkioDeviceReadBps: values["device-read-bps"],
    BlkioDeviceWriteBps: values["device-write-bps"],
    BlkioDeviceReadIOps: values["device-read-iops"],
    BlkioDeviceWriteIOps: values["device-write-iops"],
    CpuPeriod: values["cpu-period"],
    CpuQuota: values["cpu-quota"],
    CpuRealtimePeriod: values["cpu-rt-period"],
    CpuRealtimeRuntime: values["cpu-rt-runtime"],
    CpusetCpus: values["cpuset-cpus"],
    CpusetMems: values["cpuset-mems"],
    Devices: devices,
    DeviceCgroupRules: orNull(values["device-cgroup-rule"]),
    DeviceRequests: requests.length === 0 ? null : requests,
    MemoryReservation: values["memory-reservation"],
    MemorySwap: values["memory-swap"],
    MemorySwappiness: values["memory-swappiness"],
    OomKillDisable: values["oom-kill-disable"],
    PidsLimit: values["pids-limit"],
    Ulimits: [...values.ulimit].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    CpuCount: values["cpu-count"],
    CpuPercent: values["cpu-percent"],
    IOMaximumIOps: values["io-maxiops"],
    IOMaximumBandwidth: values["io-maxbandwidth"],
  };
}

function devicesOf(values: Values): { devices: DeviceMapping[]; requests: DeviceRequest[] } {
  const names = values.device.filter(isCdiName);
  const devices = values.device.filter((device) => !isCdiName(device)).map(parseDevice);
  const requests = [...values.gpus];
  if (names.length > 0) {
    requests.push({ Driver: "cdi", Count: 0, DeviceIDs: names, Capabilities: null, Options: null });
  }
  return { devices, requests };
}

function checkNamespaces(values: Values): void {
  if (!isNamespaceMode(values.pid, { container: true })) throw new Error("--pid: invalid PID mode");
  if (!isNamespaceMode(values.uts, {})) throw new Error("--uts: invalid UTS mode");
  if (!isNamespaceMode(values.userns, {})) throw new Error("--userns: invalid USER mode");
  if (!isNamespaceMode(values.cgroupns, { private: true }))
    throw new Error("--cgroupns: invalid CGROUP mode");
}

/** `net_admin` → `CAP_NET_ADMIN`; each once, sorted. */
function capabilities(names: readonly string[]): string[] {
  const full = names
    .map((name) => name.trim().toUpperCase())
    .map((name) => (name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`));
  return [...new Set(full)].sort();
}

function tmpfsOf(specs: readonly string[]): Record<string, string> {
  const mounts: Record<string, string> = {};
  for (const spec of specs) {
    const at = spec.indexOf(":");
    mounts[at < 0 ? spec : spec.slice(0, at)] = at < 0 ? "" : spec.slice(at + 1);
  }
  return mounts;
}

function orNull<T>(values: readonly T[]): T[] | null {
  return values.length === 0 ? null : [...values];
}
