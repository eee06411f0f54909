import { isIP } from "node:net";
import type { ContainerConfig, EndpointSettings, HostConfig, NetworkingConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";

/** What HostConfig.NetworkMode says. */
export type NetworkMode =
  | { kind: "none" }
  | { kind: "host" }
  /** Shares the network of another container. */
  | { kind: "join"; container: string }
  /** `name`: of the network that carries the default endpoint. */
  | { kind: "networks"; name: string };

export const DEFAULT_NETWORK = "bridge";

export function networkMode(config: ContainerConfig, host: HostConfig): NetworkMode {
  const mode = host.NetworkMode;
  if (mode === "none" || config.NetworkDisabled) return { kind: "none" };
  if (mode === "host") return { kind: "host" };
  if (mode.startsWith("container:")) return { kind: "join", container: mode.slice("container:".length) };
  return { kind: "networks", name: mode === "" || mode === "default" ? DEFAULT_NETWORK : mode };
}

export function emptyEndpoint(): EndpointSettings {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: "",
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: "",
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

/** @throws invalid-parameter with Docker's sentences. `apiVersion`: several networks at once since 1.44. */
export function validateNetworkingConfig(networking: NetworkingConfig, apiVersion: number): void {
  const endpoints = Object.entries(networking.EndpointsConfig ?? {});
  if (endpoints.length > 1 && apiVersion < 44) {
    const names = endpoints.map(([name]) => name).sort();
    throw invalidParameter(`Container cannot be connected to network endpoints: ${names.join(", ")}`);
  }
  for (const [name, endpoint] of endpoints) {
    if ((endpoint as EndpointSettings | null) === null) {
      throw invalidParameter(`no EndpointSettings for ${name}`);
    }
    validateEndpoint(endpoint);
  }
}

export function validateEndpoint(endpoint: EndpointSettings): void {
  const ipam = endpoint.IPAMConfig;
  if (ipam?.IPv4Address && isIP(ipam.IPv4Address) !== 4) {
    throw invalidParameter(`invalid IPv4 address: ${ipam.IPv4Address}`);
  }
  if (ipam?.IPv6Address && isIP(ipam.IPv6Address) !== 6) {
    throw invalidParameter(`invalid IPv6 address: ${ipam.IPv6Address}`);
  }
  for (const address of ipam?.LinkLocalIPs ?? []) {
    if (isIP(address) === 0) throw invalidParameter(`invalid link-local IP address: ${address}`);
  }
  for (const mac of [endpoint.MacAddress]) if (mac) validateMac(mac);
}

export function validateMac(mac: string): void {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(mac)) {
    throw invalidParameter(`invalid MAC address: ${mac}`);
  }
}

/** The endpoints that a new container asks, by network; the one of NetworkMode first. */
export function plannedEndpoints(
  config: ContainerConfig,
  host: HostConfig,
  networking: NetworkingConfig,
): Record<string, EndpointSettings> {
  const mode = networkMode(config, host);
  if (mode.kind === "join") return {};
  const asked = new Map(Object.entries(networking.EndpointsConfig ?? {}));
  if (mode.kind !== "networks") return { [mode.kind]: { ...emptyEndpoint(), ...asked.get(mode.kind) } };
  // A client may say `default` for the network that has another name here.
  const primary = asked.get(mode.name) ?? asked.get("default") ?? emptyEndpoint();
  asked.delete(mode.name);
  asked.delete("default");
  const first = { ...emptyEndpoint(), ...primary };
  if (config.MacAddress && first.MacAddress === "") first.MacAddress = config.MacAddress;
  const endpoints: Record<string, EndpointSettings> = { [mode.name]: first };
  for (const [name, endpoint] of asked) endpoints[name] = { ...emptyEndpoint(), ...endpoint };
  return endpoints;
}
