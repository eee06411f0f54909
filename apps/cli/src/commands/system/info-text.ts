import type { SystemInfo } from "@berth/api";
import { binarySize } from "../../format/sizes.ts";

/** The daemon's part of `info`. */
export function serverInfo(info: SystemInfo): string {
  const lines = [
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ...known(" Server Version", info.ServerVersion),
    ...known(" Storage Driver", info.Driver),
    ...(info.DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}`),
    ...known(" Logging Driver", info.LoggingDriver),
    ...known(" Cgroup Driver", info.CgroupDriver),
    ...known(" Cgroup Version", info.CgroupVersion),
    " Plugins:",
    `  Volume: ${(info.Plugins.Volume ?? []).join(" ")}`,
    `  Network: ${(info.Plugins.Network ?? []).join(" ")}`,
    ...((info.Plugins.Authorization ?? []).length > 0
      ? [`  Authorization: ${info.Plugins.Authorization!.join(" ")}`]
      : []),
    `  Log: ${(info.Plugins.Log ?? []).join(" ")}`,
    ...listed(" CDI spec directories", info.CDISpecDirs),
    ` Swarm: ${info.Swarm?.LocalNodeState ?? "inactive"}`,
    ...runtimes(info),
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
    ...(info.Debug ? debug(info) : []),
    ...known(" HTTP Proxy", info.HttpProxy),
    ...known(" HTTPS Proxy", info.HttpsProxy),
    ...known(" No Proxy", info.NoProxy),
    ...listed(" Labels", info.Labels),
    ` Experimental: ${info.ExperimentalBuild}`,
    ...registries(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
    ...known(" Product License", info.ProductLicense),
    ...pools(info),
  ];
  return `${lines.join("\n")}\n`;
}

const known = (label: string, value: string | undefined) => (value ? [`${label}: ${value}`] : []);

function listed(label: string, values: readonly string[] | null | undefined): string[] {
  return (values ?? []).length === 0 ? [] : [`${label}:`, ...values!.map((value) => `  ${value}`)];
}

function runtimes(info: SystemInfo): string[] {
  const names = Object.keys(info.Runtimes ?? {}).sort();
  const lines =
    names.length === 0 ? [] : [` Runtimes: ${names.join(" ")}`, ` Default Runtime: ${info.DefaultRuntime}`];
  if (info.OSType !== "linux") return lines;
  return [
    ...lines,
    ` Init Binary: ${info.InitBinary}`,
    ` containerd version: ${info.ContainerdCommit?.ID ?? ""}`,
    ` runc version: ${info.RuncCommit?.ID ?? ""}`,
    ` init version: ${info.InitCommit?.ID ?? ""}`,
    ...securityOptions(info.SecurityOptions ?? []),
  ];
}

/** `name=seccomp,profile=builtin` → two lines. */
function securityOptions(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = [" Security Options:"];
  for (const option of options) {
    const pairs = option.split(",").map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? (["name", pair] as const) : ([pair.slice(0, at), pair.slice(at + 1)] as const);
    });
    lines.push(`  ${pairs.find(([name]) => name === "name")?.[1] ?? option}`);
    for (const [name, value] of pairs) if (name === "profile") lines.push(`   Profile: ${value}`);
  }
  return lines;
}

function debug(info: SystemInfo): string[] {
  return [
    `  File Descriptors: ${info.NFd}`,
    `  Goroutines: ${info.NGoroutines}`,
    `  System Time: ${info.SystemTime}`,
    `  EventsListeners: ${info.NEventsListener}`,
  ];
}

function registries({ RegistryConfig: config }: SystemInfo): string[] {
  const insecure = Object.values(config?.IndexConfigs ?? {})
    .filter((index) => !index.Secure)
    .map((index) => index.Name);
  return [
    ...listed(" Insecure Registries", [...insecure, ...(config?.InsecureRegistryCIDRs ?? [])]),
    ...listed(" Registry Mirrors", config?.Mirrors),
  ];
}

function pools({ DefaultAddressPools: all = [] }: SystemInfo): string[] {
  if (all.length === 0) return [];
  return [" Default Address Pools:", ...all.map(({ Base, Size }) => `   Base: ${Base}, Size: ${Size}`)];
}
