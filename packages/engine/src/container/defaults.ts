import type { ContainerConfig, HostConfig } from "@berth/api";
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "@berth/runtime";
import type { EngineSettings } from "../context.ts";
import type { HostFacts } from "../system/host-facts.ts";

/** What the client left open, filled in as Docker does, so that inspect shows it. `apiVersion`: minor number of the request. */
export function fillHostConfig(
  asked: HostConfig,
  settings: EngineSettings,
  facts: HostFacts,
  apiVersion: number,
): HostConfig {
  const host: HostConfig = { ...asked };
  if (host.NetworkMode === "") host.NetworkMode = apiVersion >= 44 ? "bridge" : "default";
  if (host.RestartPolicy.Name === "") host.RestartPolicy = { ...host.RestartPolicy, Name: "no" };
  if (host.ShmSize === 0) host.ShmSize = settings.shmSize;
  if (host.IpcMode === "") host.IpcMode = apiVersion < 40 ? "shareable" : settings.ipcMode;
  if (host.CgroupnsMode === "") host.CgroupnsMode = defaultCgroupns(host, settings, facts, apiVersion);
  if (host.PidsLimit !== null && host.PidsLimit <= 0) host.PidsLimit = null;
  if (facts.cgroupVersion === 1) {
    host.OomKillDisable ??= false;
    if (host.CpuShares < 0) host.CpuShares = 2;
  }
  if (host.CpuShares > 262_144) host.CpuShares = 262_144;
  if (host.Memory > 0 && host.MemorySwap === 0) host.MemorySwap = host.Memory * 2;
  if (host.LogConfig.Type === "") {
    const config = host.LogConfig.Config;
    host.LogConfig = {
      Type: settings.log.Type,
      Config: config && Object.keys(config).length > 0 ? config : { ...settings.log.Config },
    };
  }
  host.LogConfig.Config ??= {};
  host.Runtime ||= settings.runtimes.defaultName;
  if (host.Privileged) {
    host.MaskedPaths = null;
    host.ReadonlyPaths = null;
  } else {
    host.MaskedPaths ??= [...DEFAULT_MASKED_PATHS];
    host.ReadonlyPaths ??= [...DEFAULT_READONLY_PATHS];
  }
  const labelled = (host.SecurityOpt ?? []).some((option) => /^label[=:]/.test(option));
  if (!labelled && (host.Privileged || host.IpcMode === "host" || host.PidMode === "host")) {
    host.SecurityOpt = [...(host.SecurityOpt ?? []), "label=disable"];
  }
  return host;
}

function defaultCgroupns(host: HostConfig, settings: EngineSettings, facts: HostFacts, api: number): string {
  if (facts.cgroupVersion === 1 && (api < 41 || host.Privileged)) return "host";
  return settings.cgroupnsMode || (facts.cgroupVersion === 2 ? "private" : "host");
}

/** The short id is a container's host name, but for one that shares the host's network. */
export function defaultHostname(
  config: ContainerConfig,
  host: HostConfig,
  id: string,
  ofHost: string,
): string {
  if (config.Hostname !== "") return config.Hostname;
  if (host.NetworkMode === "host" || host.UTSMode === "host") return ofHost;
  return host.NetworkMode.startsWith("container:") ? "" : id.slice(0, 12);
}
