import type { Filters, NetworkContainer, NetworkInspect } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { parseCidr } from "../address/ip.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";

/** Engine API's view of a network; `sandboxes` of the containers that run. */
export function inspectNetwork(network: NetworkRecord, sandboxes: Iterable<SandboxRecord>): NetworkInspect {
  const containers: Record<string, NetworkContainer> = {};
  for (const sandbox of sandboxes) {
    for (const endpoint of sandbox.endpoints) {
      if (endpoint.networkId !== network.id) continue;
      containers[sandbox.containerId] = {
        Name: sandbox.containerName,
        EndpointID: endpoint.id,
        MacAddress: endpoint.mac,
        IPv4Address: withPrefix(network, endpoint.ipv4),
        IPv6Address: withPrefix(network, endpoint.ipv6),
      };
    }
  }
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: network.ipv4,
    EnableIPv6: network.ipv6,
    IPAM: network.ipam,
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? "" },
    ConfigOnly: network.configOnly ?? false,
    Containers: containers,
    Options: network.options,
    Labels: network.labels,
  };
}

function withPrefix(network: NetworkRecord, address: string): string {
  return address === "" ? "" : `${address}/${prefixOf(network, address)}`;
}

/** Prefix length of the network's pool of the address's family. */
export function prefixOf(network: NetworkRecord, address: string): number {
  return poolOf(network, address.includes(":") ? 6 : 4)?.prefix ?? 0;
}

/** Gateway and prefix length of a family; undefined when the network does not have it. */
export function poolOf(
  network: NetworkRecord,
  family: 4 | 6,
): { gateway: string; prefix: number } | undefined {
  for (const pool of network.bridge?.pools ?? []) {
    const subnet = parseCidr(pool.subnet)?.subnet;
    if (subnet?.family === family) return { gateway: pool.gateway, prefix: subnet.prefix };
  }
  return undefined;
}

/** `inUse`: ids of the networks with endpoints. @throws invalid-parameter for a filter value that is none. */
export function matchesFilters(
  network: NetworkRecord,
  filters: Filters,
  inUse: ReadonlySet<string>,
): boolean {
  for (const type of filters.get("type")) {
    if (type !== "custom" && type !== "builtin") throw invalidParameter(`invalid filter: 'type'='${type}'`);
  }
  const dangling = filters.has("dangling") ? filters.boolean("dangling", false) : undefined;
  const inDoubt = network.predefined || inUse.has(network.id);
  if (dangling !== undefined && dangling === inDoubt) return false;
  return (
    filters.exact("driver", network.driver) &&
    filters.exact("scope", "local") &&
    filters.exact("type", network.predefined ? "builtin" : "custom") &&
    filters.pattern("name", network.name) &&
    filters.pattern("id", network.id) &&
    filters.labels("label", network.labels) &&
    !(filters.has("label!") && filters.labels("label!", network.labels))
  );
}
