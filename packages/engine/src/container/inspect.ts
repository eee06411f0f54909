import type {
  ContainerState as ApiState,
  ContainerInspect,
  EndpointSettings,
  GraphDriverData,
  HostConfig,
  MountPoint,
  NetworkSettings,
} from "@berth/api";
import { ZERO_TIME } from "@berth/base";
import type { EndpointResult } from "@berth/network";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive, statusOf } from "./container.ts";
import { containerFiles, logPath } from "./paths.ts";
import { containerSizes } from "./size.ts";

/** @throws not-found. */
export async function inspectContainer(
  engine: EngineContext,
  reference: string,
  options: { size: boolean },
): Promise<ContainerInspect> {
  const container = engine.containers.get(reference);
  const { record, state } = container;
  const { settings } = engine;
  const files = containerFiles(settings, container.id);
  // Docker makes these files with the first start.
  const started = state.startedAt !== ZERO_TIME;
  const sizes = options.size ? await containerSizes(engine, container) : undefined;
  return {
    Id: container.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: apiState(container),
    Image: record.imageId,
    ResolvConfPath: started ? files.resolvConf : "",
    HostnamePath: started ? files.hostname : "",
    HostsPath: started ? files.hosts : "",
    LogPath: started ? logPath(settings, container) : "",
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: engine.snapshots.driver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: container.execs.size > 0 ? [...container.execs.keys()] : null,
    HostConfig: shownHostConfig(record.hostConfig, record.name),
    GraphDriver: graphDriver(engine, container),
    ...(sizes ? { SizeRw: sizes.writable, SizeRootFs: sizes.rootfs } : {}),
    Mounts: mountPoints(container),
    Config: record.config,
    NetworkSettings: networkSettings(container),
  };
}

export function apiState(container: Container): ApiState {
  const { state } = container;
  return {
    Status: statusOf(state),
    Running: state.running,
    Paused: state.paused,
    Restarting: state.restarting,
    OOMKilled: state.oomKilled,
    Dead: state.dead,
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health ? { Health: state.health } : {}),
  };
}

/** Links as Docker shows them: `/target:/name/alias`. */
function shownHostConfig(host: HostConfig, name: string): HostConfig {
  if (!host.Links?.length) return host;
  const links = host.Links.map((text) => {
    const [target = "", alias = target] = text.split(":");
    return text.startsWith("/") ? text : `/${target}:/${name}/${alias}`;
  });
  return { ...host, Links: links };
}

function graphDriver(engine: EngineContext, container: Container): GraphDriverData {
  const { snapshots } = engine;
  let data: Record<string, string> | null = null;
  try {
    data = snapshots.metadata(container.record.chain, container.id);
  } catch {
    // Its layer is being removed.
  }
  return { Data: data, Name: snapshots.driver };
}

export function mountPoints(container: Container): MountPoint[] {
  return container.record.mounts.map((mount) => ({
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === undefined ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  }));
}

/** What was asked and, while it runs, what was given. */
export function endpointSettings(
  asked: EndpointSettings | undefined,
  result: EndpointResult | undefined,
): EndpointSettings {
  return {
    IPAMConfig: asked?.IPAMConfig ?? null,
    Links: asked?.Links ?? null,
    Aliases: result?.aliases.length ? result.aliases : (asked?.Aliases ?? null),
    MacAddress: result?.mac ?? "",
    DriverOpts: asked?.DriverOpts ?? null,
    GwPriority: asked?.GwPriority ?? 0,
    NetworkID: result?.networkId ?? asked?.NetworkID ?? "",
    EndpointID: result?.endpointId ?? "",
    Gateway: result?.gateway ?? "",
    IPAddress: result?.ipAddress ?? "",
    IPPrefixLen: result?.ipPrefixLength ?? 0,
    IPv6Gateway: result?.ipv6Gateway ?? "",
    GlobalIPv6Address: result?.globalIPv6Address ?? "",
    GlobalIPv6PrefixLen: result?.globalIPv6PrefixLength ?? 0,
    DNSNames: result?.dnsNames.length ? result.dnsNames : (asked?.DNSNames ?? null),
  };
}

/** By network name. */
export function endpointsByName(container: Container): Record<string, EndpointSettings> {
  const results = container.state.network?.endpoints ?? [];
  const shown: Record<string, EndpointSettings> = {};
  for (const [name, asked] of Object.entries(container.record.endpoints)) {
    const result = results.find((each) => each.networkName === name || each.networkId.startsWith(name));
    shown[result?.networkName ?? name] = endpointSettings(asked, result);
  }
  return shown;
}

function networkSettings(container: Container): NetworkSettings {
  const { network } = container.state;
  const networks = endpointsByName(container);
  const bridge = networks.bridge;
  const onBridge = bridge !== undefined && bridge.EndpointID !== "" ? bridge : undefined;
  return {
    Bridge: "",
    SandboxID: network?.sandboxId ?? "",
    SandboxKey: network && isAlive(container) ? `/proc/${container.state.pid}/ns/net` : "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: network?.ports ?? {},
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: onBridge?.EndpointID ?? "",
    Gateway: onBridge?.Gateway ?? "",
    GlobalIPv6Address: onBridge?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: onBridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: onBridge?.IPAddress ?? "",
    IPPrefixLen: onBridge?.IPPrefixLen ?? 0,
    IPv6Gateway: onBridge?.IPv6Gateway ?? "",
    MacAddress: onBridge?.MacAddress ?? "",
    Networks: networks,
  };
}
