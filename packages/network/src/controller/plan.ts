import type { EndpointResult } from "../networks.ts";
import type { EndpointPlan } from "../sandbox-plan.ts";
import { poolOf, prefixOf } from "./inspect.ts";
import { parseBridgeOptions } from "./options.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";

/** What the shim makes of an endpoint of the sandbox. `filtered`: bridged frames pass the firewall. `hairpin`: see `EndpointPlan`. */
export function endpointPlan(
  network: NetworkRecord,
  endpoint: EndpointRecord,
  sandbox: SandboxRecord,
  { filtered, hairpin }: { filtered: boolean; hairpin: boolean },
): EndpointPlan {
  const { bridge } = network;
  if (bridge === undefined) throw new TypeError(`network ${network.name} has no bridge`);
  return {
    networkId: network.id,
    endpointId: endpoint.id,
    driver: "bridge",
    bridge: bridge.device,
    hostInterface: endpoint.hostInterface,
    containerInterface: endpoint.containerInterface,
    mac: endpoint.mac,
    mtu: bridge.mtu,
    addresses: [endpoint.ipv4, endpoint.ipv6]
      .filter((address) => address !== "")
      .map((address) => `${address}/${prefixOf(network, address)}`)
      .concat(endpoint.linkLocal ?? []),
    gateways: gatewaysOf(network, endpoint, sandbox),
    ...(endpoint.sysctls === undefined ? {} : { sysctls: interfaceSysctls(endpoint) }),
    isolated: !filtered && !parseBridgeOptions(network.options).icc,
    ...(hairpin ? { hairpin } : {}),
  };
}

/** With the interface's name put in; slashes, because it may hold a dot. */
function interfaceSysctls(endpoint: EndpointRecord): Record<string, string> {
  const entries = Object.entries(endpoint.sysctls ?? {}).map(([key, value]) => [
    key.replaceAll(".", "/").replace("/IFNAME/", `/${endpoint.containerInterface}/`),
    value,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The gateways of the default routes that the endpoint carries. */
export function gatewaysOf(
  network: NetworkRecord,
  endpoint: EndpointRecord,
  sandbox: SandboxRecord,
): string[] {
  const gateways: string[] = [];
  for (const [family, address, carrier] of [
    [4, endpoint.ipv4, sandbox.gatewayEndpoint],
    [6, endpoint.ipv6, sandbox.gatewayEndpoint6 ?? sandbox.gatewayEndpoint],
  ] as const) {
    if (address === "" || carrier !== endpoint.id) continue;
    const gateway = poolOf(network, family)?.gateway;
    if (gateway !== undefined) gateways.push(gateway);
  }
  return gateways;
}

/** What inspect shows of an endpoint. */
export function endpointResult(
  network: NetworkRecord,
  endpoint: EndpointRecord,
  sandbox: SandboxRecord,
): EndpointResult {
  const gateway = (family: 4 | 6) => (network.internal ? "" : (poolOf(network, family)?.gateway ?? ""));
  return {
    networkName: network.name,
    networkId: network.id,
    endpointId: endpoint.id,
    gateway: endpoint.ipv4 === "" ? "" : gateway(4),
    ipAddress: endpoint.ipv4,
    ipPrefixLength: endpoint.ipv4 === "" ? 0 : prefixOf(network, endpoint.ipv4),
    ipv6Gateway: endpoint.ipv6 === "" ? "" : gateway(6),
    globalIPv6Address: endpoint.ipv6,
    globalIPv6PrefixLength: endpoint.ipv6 === "" ? 0 : prefixOf(network, endpoint.ipv6),
    mac: endpoint.mac,
    aliases: endpoint.aliases,
    dnsNames: network.predefined ? [] : dnsNames(endpoint, sandbox),
  };
}

/** Names of a container on a user-defined network: the first is what a reverse lookup gives. */
export function dnsNames(endpoint: EndpointRecord, sandbox: SandboxRecord): string[] {
  const names = [
    sandbox.containerName,
    ...endpoint.aliases,
    sandbox.containerId.slice(0, 12),
    sandbox.hostname,
  ];
  return [...new Set(names.filter((name) => name !== ""))];
}
