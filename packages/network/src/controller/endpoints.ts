import { forbidden, invalidParameter, newId, systemError } from "@berth/base";
import { isLinkLocal, parseAddress } from "../address/ip.ts";
import { formatMac, macOfAddress, parseMac } from "../address/mac.ts";
import type { Ipam } from "../ipam/ipam.ts";
import type { EndpointRequest } from "../networks.ts";
import { parseBridgeOptions, parseEndpointOptions } from "./options.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";

/**
 * Checks what an endpoint asks of its network. `connected`: the other networks of the container.
 * @throws invalid-parameter and forbidden with Docker's sentences.
 */
export function checkEndpoint(
  network: NetworkRecord,
  request: EndpointRequest,
  connected: readonly NetworkRecord[],
): void {
  if (network.configOnly === true) throw forbidden("cannot create endpoint on configuration-only network");
  const ipv4 = request.ipv4 ?? "";
  const ipv6 = request.ipv6 ?? "";
  for (const [text, family] of [
    [ipv4, 4],
    [ipv6, 6],
  ] as const) {
    if (text !== "" && parseAddress(text)?.family !== family)
      throw invalidParameter(`invalid IPv${family} address: ${text}`);
  }
  if (network.predefined) {
    if (ipv4 !== "" || ipv6 !== "") {
      throw invalidParameter("user specified IP address is supported on user defined networks only");
    }
    if ((request.aliases ?? []).length > 0) {
      throw invalidParameter(
        "network-scoped alias is supported only for containers in user defined networks",
      );
    }
  } else if ((ipv4 !== "" && !network.userSubnet.ipv4) || (ipv6 !== "" && !network.userSubnet.ipv6)) {
    throw invalidParameter(
      "user specified IP address is supported only when connecting to networks with user configured subnets",
    );
  }
  if (request.mac !== undefined && request.mac !== "" && parseMac(request.mac) === undefined) {
    throw invalidParameter(`invalid MAC address: ${request.mac}`);
  }
  linkLocalAddresses(request.linkLocal ?? []);
  parseEndpointOptions(request.driverOptions ?? {});
  checkCompany(network, connected);
}

/** With the prefix that their family's link-local network has. @throws invalid-parameter with Docker's sentences. */
function linkLocalAddresses(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw invalidParameter(`invalid link-local IP address: ${text}`);
    if (!isLinkLocal(address)) throw invalidParameter(`invalid link local IP address: ${text}`);
    return `${text}/${address.family === 4 ? 16 : 64}`;
  });
}

/** The host's network and none keep no company. */
function checkCompany(network: NetworkRecord, connected: readonly NetworkRecord[]): void {
  if (connected.length === 0) return;
  if (network.driver === "host") {
    throw invalidParameter("container cannot be disconnected from host network or connected to host network");
  }
  if (connected.some((other) => other.driver === "host")) {
    throw invalidParameter(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (network.driver === "null" || connected.some((other) => other.driver === "null")) {
    throw invalidParameter(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
}

/** Takes addresses for an endpoint. Undone by `releaseEndpoint`. @throws as `Ipam.allocate`. */
export function makeEndpoint(
  network: NetworkRecord,
  request: EndpointRequest,
  sandbox: Pick<SandboxRecord, "containerName" | "endpoints">,
  ipam: Ipam,
): EndpointRecord {
  if (sandbox.endpoints.some((endpoint) => endpoint.networkId === network.id)) {
    throw forbidden(`endpoint with name ${sandbox.containerName} already exists in network ${network.name}`);
  }
  const id = newId();
  const endpoint: EndpointRecord = {
    id,
    networkId: network.id,
    ipv4: "",
    ipv6: "",
    mac: "",
    aliases: [...new Set(request.aliases ?? [])],
    links: parseLinks(request.links ?? []),
    hostInterface: "",
    containerInterface: "",
    gatewayPriority: request.gatewayPriority ?? 0,
  };
  if (network.bridge === undefined) return endpoint;
  try {
    if (network.ipv4) endpoint.ipv4 = ipam.allocate(network, 4, request.ipv4 ?? "").address;
    if (network.ipv6) endpoint.ipv6 = ipam.allocate(network, 6, request.ipv6 ?? "").address;
  } catch (error) {
    releaseEndpoint(endpoint, ipam);
    throw error;
  }
  const linkLocal = linkLocalAddresses(request.linkLocal ?? []);
  if (linkLocal.length > 0) endpoint.linkLocal = linkLocal;
  endpoint.mac = macOf(request.mac ?? "", endpoint);
  endpoint.hostInterface = `veth${id.slice(0, 10)}`;
  const { interfaceName, sysctls } = parseEndpointOptions(request.driverOptions ?? {});
  if (interfaceName !== "" && sandbox.endpoints.some((other) => other.containerInterface === interfaceName)) {
    releaseEndpoint(endpoint, ipam);
    throw invalidParameter(`network interface name ${JSON.stringify(interfaceName)} is in use`);
  }
  endpoint.containerInterface =
    interfaceName === "" ? freeInterface(network, sandbox.endpoints) : interfaceName;
  if (Object.keys(sysctls).length > 0) endpoint.sysctls = sysctls;
  return endpoint;
}

export function releaseEndpoint(endpoint: EndpointRecord, ipam: Ipam): void {
  for (const address of [endpoint.ipv4, endpoint.ipv6]) ipam.release(endpoint.networkId, address);
}

function macOf(asked: string, endpoint: EndpointRecord): string {
  const mac = parseMac(asked);
  if (mac !== undefined) return formatMac(mac);
  const address = parseAddress(endpoint.ipv4 === "" ? endpoint.ipv6 : endpoint.ipv4);
  if (address === undefined) throw systemError("an endpoint without address");
  return macOfAddress(address);
}

function freeInterface(network: NetworkRecord, others: readonly EndpointRecord[]): string {
  const { interfacePrefix } = parseBridgeOptions(network.options);
  const taken = new Set(others.map((endpoint) => endpoint.containerInterface));
  for (let number = 0; ; number++) {
    const name = `${interfacePrefix}${number}`;
    if (!taken.has(name)) return name;
  }
}

/** `container:alias`, or `container`, which is its own alias. */
function parseLinks(links: readonly string[]): Record<string, string> {
  const parsed: Record<string, string> = {};
  for (const link of links) {
    const [name = "", alias = name] = link.split(":");
    if (name !== "" && alias !== "") parsed[alias] = name;
  }
  return parsed;
}

/**
 * The endpoints that carry the default routes of IPv4 and of IPv6: by priority, then networks with both families, then by name,
 * as Docker does. Internal networks have no way out.
 */
export function chooseGateways(
  endpoints: readonly EndpointRecord[],
  networkOf: (endpoint: EndpointRecord) => NetworkRecord,
): { ipv4: EndpointRecord | undefined; ipv6: EndpointRecord | undefined } {
  const both = (endpoint: EndpointRecord) => (endpoint.ipv4 !== "" && endpoint.ipv6 !== "" ? 1 : 0);
  const order = endpoints
    .filter((endpoint) => hasWayOut(networkOf(endpoint)))
    .sort(
      (a, b) =>
        b.gatewayPriority - a.gatewayPriority ||
        both(b) - both(a) ||
        (networkOf(a).name < networkOf(b).name ? -1 : 1),
    );
  return {
    ipv4: order.find((endpoint) => endpoint.ipv4 !== ""),
    ipv6: order.find((endpoint) => endpoint.ipv6 !== ""),
  };
}

function hasWayOut(network: NetworkRecord): boolean {
  return network.bridge !== undefined && !network.internal;
}
