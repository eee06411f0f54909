import type { EndpointSettings, PortMap } from "@berth/api";
import { conflict, newId } from "@berth/base";
import type { EndpointRequest, EndpointResult, PortRequest, PortSocket, SandboxPlan } from "@berth/network";
import type { Launch } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { checkLinks, linkedPorts, parseLink } from "./links.ts";
import { logTarget } from "./log-config.ts";
import { DEFAULT_NETWORK, networkMode, plannedEndpoints } from "./network-mode.ts";
import { containerDirectory, containerFiles, logPath } from "./paths.ts";
import { exposedPorts, portRequests } from "./ports.ts";
import type { NetworkState } from "./record.ts";

/** What a start has of the network before the shim is launched. */
export interface PreparedNetwork {
  plan: SandboxPlan;
  endpoints: EndpointResult[];
  ports: PortSocket[];
  descriptors: number[];
  resolvConf: string;
  /** Of another container, whose files are used. */
  joined?: Container;
}

/** Allocates the network of a start, or finds the container whose network is shared. Undone by `networks.release`. */
export async function prepareNetwork(engine: EngineContext, container: Container): Promise<PreparedNetwork> {
  const { record } = container;
  const { config, hostConfig } = record;
  const mode = networkMode(config, hostConfig);
  if (mode.kind === "join") {
    const joined = withNetwork(engine, mode.container, container);
    return {
      plan: { mode: "join", joinPath: networkNamespace(joined), endpoints: [] },
      endpoints: [],
      ports: [],
      descriptors: [],
      resolvConf: "",
      joined,
    };
  }
  if (mode.kind === "networks" && mode.name === DEFAULT_NETWORK) checkLinks(engine, container);
  const sandbox = await engine.networks.allocate({
    containerId: container.id,
    containerName: record.name,
    hostname: config.Hostname,
    endpoints: Object.entries(endpointsOf(engine, container)).map(([network, asked]) =>
      endpointRequest(network, asked, hostConfig.Links ?? []),
    ),
    ports: publishedPorts(container),
    linked: linkedPorts(engine, container),
    ...(hostConfig.Sysctls ? { sysctls: netSysctls(hostConfig.Sysctls) } : {}),
    dns: {
      servers: hostConfig.Dns ?? [],
      search: hostConfig.DnsSearch ?? [],
      options: hostConfig.DnsOptions ?? [],
    },
  });
  return {
    plan: sandbox.plan,
    endpoints: sandbox.endpoints,
    ports: sandbox.ports.map(({ fd: _, ...port }) => port),
    descriptors: sandbox.ports.map((port) => port.fd),
    resolvConf: sandbox.resolvConf,
  };
}

/** What the container asks to publish. */
export function publishedPorts({ record }: Container): PortRequest[] {
  const { config, hostConfig } = record;
  return networkMode(config, hostConfig).kind === "networks" ? portRequests(config, hostConfig) : [];
}

/** A container that was taken out of all its networks gets the one of its mode again. */
function endpointsOf(engine: EngineContext, container: Container): Record<string, EndpointSettings> {
  const { record } = container;
  if (Object.keys(record.endpoints).length === 0) {
    const endpoints = plannedEndpoints(record.config, record.hostConfig, { EndpointsConfig: null });
    container.record = { ...record, endpoints };
    engine.containers.saveRecord(container);
  }
  return container.record.endpoints;
}

export function endpointRequest(
  network: string,
  asked: EndpointSettings,
  links: readonly string[],
): EndpointRequest {
  const request: EndpointRequest = { network };
  if (asked.Aliases?.length) request.aliases = asked.Aliases;
  // Links of the command line hold on every network of the container; the default bridge writes them into /etc/hosts.
  const all = [...new Set([...links.map(linkText), ...(asked.Links ?? []).map(linkText)])];
  if (all.length > 0) request.links = all;
  if (asked.IPAMConfig?.IPv4Address) request.ipv4 = asked.IPAMConfig.IPv4Address;
  if (asked.IPAMConfig?.IPv6Address) request.ipv6 = asked.IPAMConfig.IPv6Address;
  if (asked.IPAMConfig?.LinkLocalIPs?.length) request.linkLocal = asked.IPAMConfig.LinkLocalIPs;
  if (asked.MacAddress) request.mac = asked.MacAddress;
  if (asked.DriverOpts) request.driverOptions = asked.DriverOpts;
  if (asked.GwPriority) request.gatewayPriority = asked.GwPriority;
  return request;
}

function linkText(text: string): string {
  const link = parseLink(text);
  return `${link.container}:${link.alias}`;
}

function netSysctls(sysctls: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(sysctls).filter(([name]) => name.startsWith("net.")));
}

/** A container whose namespace another one shares. `notRunning`: Docker's sentence for that. @throws conflict, not-found. */
export function runningContainer(
  engine: EngineContext,
  reference: string,
  self: Container | undefined,
  notRunning: (target: Container) => string,
): Container {
  const target = engine.containers.get(reference);
  if (target === self) throw conflict("cannot join own network");
  if (!isAlive(target)) throw conflict(notRunning(target));
  return target;
}

/** A container whose network another one is to share. @throws not-found, conflict when it does not run */
function withNetwork(engine: EngineContext, reference: string, self: Container | undefined): Container {
  const notRunning = ({ id }: Container) => `cannot join network of a non running container: ${id}`;
  return runningContainer(engine, reference, self, notRunning);
}

export function networkNamespace({ state }: Container): string {
  return `/proc/${state.pid}/ns/net`;
}

/** What is needed to run something else in a container's network: its namespace and its files. @throws as `withNetwork` */
export function networkOfContainer(engine: EngineContext, reference: string) {
  const container = withNetwork(engine, reference, undefined);
  const { hosts, resolvConf } = containerFiles(engine.settings, container.id);
  return { namespace: networkNamespace(container), hosts, resolvConf };
}

export function launchOf(
  engine: EngineContext,
  container: Container,
  network: PreparedNetwork,
  spec: Launch["spec"],
): Launch {
  const { settings } = engine;
  const { record } = container;
  const { config, hostConfig } = record;
  const runtime = settings.runtimes.get(hostConfig.Runtime ?? "");
  const [rows, columns] = hostConfig.ConsoleSize;
  return {
    id: container.id,
    dataDirectory: containerDirectory(settings, container.id),
    rootfs: engine.snapshots.writable(container.id),
    once: hostConfig.AutoRemove,
    spec,
    user: config.User,
    groupAdd: hostConfig.GroupAdd ?? [],
    tty: config.Tty,
    openStdin: config.OpenStdin,
    stdinOnce: config.StdinOnce,
    ...(config.Tty && rows > 0 && columns > 0 ? { consoleSize: { rows, columns } } : {}),
    log: logTarget(
      hostConfig.LogConfig,
      config,
      {
        id: container.id,
        name: record.name,
        imageId: record.imageId,
        imageName: config.Image,
        command: [record.path, ...record.args].join(" "),
        daemonName: "docker",
      },
      logPath(settings, container),
    ),
    network: network.plan,
    ports: network.ports,
    runtime,
    workingDirectory: config.WorkingDir || "/",
  };
}

/** What is kept of the network of a container that runs: without way out it has no ports. `sandboxId`: of the container whose network is shared. */
export function networkState(
  container: Container,
  endpoints: EndpointResult[],
  ports: readonly PortSocket[],
  sandboxId = newId(),
): NetworkState {
  const reachable = endpoints.some(({ gateway, ipv6Gateway }) => gateway !== "" || ipv6Gateway !== "");
  const exposed = exposedPorts(container.record.config).map(({ port, protocol }) => `${port}/${protocol}`);
  return { sandboxId, endpoints, ports: reachable ? portMap(exposed, ports) : {} };
}

/** Published ports as inspect shows them: every exposed port, and for bound ones where on the host. */
function portMap(exposed: readonly string[], ports: readonly PortSocket[]): PortMap {
  const map: PortMap = Object.fromEntries(exposed.map((key) => [key, null]));
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: port.hostAddress, HostPort: String(port.hostPort) }];
  }
  return map;
}
