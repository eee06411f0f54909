import type { EndpointSettings, NetworkingConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Body } from "@berth/client";
import type { Project, Service, ServiceNetwork } from "../model.ts";
import type { NamedService } from "../target.ts";

/** What `network_mode`, `pid`, `ipc`, `volumes_from` and `links` need to know of other containers. */
export interface References {
  /** Ids of a service's containers, the lowest number first. @throws when there is none. */
  containersOf(service: string): readonly { id: string; name: string; number: number }[];
}

/** How a driver is told what an interface is called inside the container. */
const INTERFACE_NAME = "com.docker.network.endpoint.ifname";

export interface Networking {
  /** HostConfig.NetworkMode */
  mode: string;
  links: string[];
  /** By the network's name at the daemon, the first one is the default route's. */
  endpoints: NonNullable<Body<NetworkingConfig>["EndpointsConfig"]>;
}

/** Networks of a service, the one with the highest priority first. */
export function networksByPriority(service: Service): [string, ServiceNetwork][] {
  return Object.entries(service.networks ?? {})
    .map(([key, network]): [string, ServiceNetwork] => [key, network ?? {}])
    .sort(([a, one], [b, other]) => (other.priority ?? 0) - (one.priority ?? 0) || (a < b ? -1 : 1));
}

/** `service:db` and `container:x` name another container's namespace. */
export function namespaceMode(mode: string, references: References): string {
  if (!mode.startsWith("service:")) return mode;
  const name = mode.slice("service:".length);
  const container = references.containersOf(name)[0];
  if (container === undefined)
    throw invalidParameter(`no container found for service ${JSON.stringify(name)}`);
  return `container:${container.id}`;
}

export function networkingOf(
  project: Project,
  service: NamedService,
  containerName: string,
  options: { references: References; useAliases: boolean },
): Networking {
  const links = linksOf(service, options.references);
  if (service.network_mode) {
    return { mode: namespaceMode(service.network_mode, options.references), links, endpoints: {} };
  }
  const networks = networksByPriority(service);
  const endpoints: Networking["endpoints"] = {};
  for (const [key, network] of networks) {
    const declared = project.networks[key];
    if (declared === undefined) {
      throw invalidParameter(
        `service ${JSON.stringify(service.name)} refers to undefined network ${key}: invalid compose project`,
      );
    }
    const settings = endpointOf(service, network, containerName, options.useAliases);
    endpoints[declared.name] = links.length > 0 ? { ...settings, Links: links } : settings;
  }
  const first = Object.keys(endpoints)[0];
  return { mode: first ?? project.networks.default?.name ?? "none", links, endpoints };
}

function endpointOf(
  service: NamedService,
  network: ServiceNetwork,
  containerName: string,
  useAliases: boolean,
): Body<EndpointSettings> {
  const { ipv4_address: ipv4, ipv6_address: ipv6, link_local_ips: linkLocal } = network;
  return {
    Aliases: [...new Set([containerName, ...(useAliases ? [service.name, ...(network.aliases ?? [])] : [])])],
    ...((ipv4 || ipv6 || linkLocal) && {
      IPAMConfig: {
        ...(ipv4 && { IPv4Address: ipv4 }),
        ...(ipv6 && { IPv6Address: ipv6 }),
        ...(linkLocal && { LinkLocalIPs: linkLocal }),
      },
    }),
    ...(network.mac_address && { MacAddress: network.mac_address }),
    ...((network.driver_opts || network.interface_name) && {
      DriverOpts: {
        ...network.driver_opts,
        ...(network.interface_name && { [INTERFACE_NAME]: network.interface_name }),
      },
    }),
    ...(network.gw_priority !== undefined && { GwPriority: network.gw_priority }),
  };
}

/** `db:database` of service db: each of its containers under the alias, `db-1` and its full name. */
function linksOf(service: Service, references: References): string[] {
  const links: string[] = [];
  for (const link of service.links ?? []) {
    const [name = "", alias = name] = link.split(":");
    for (const container of references.containersOf(name)) {
      links.push(
        `${container.name}:${alias}`,
        `${container.name}:${name}-${container.number}`,
        `${container.name}:${container.name}`,
      );
    }
  }
  for (const link of service.external_links ?? []) {
    const [name = "", alias = name] = link.split(":");
    links.push(`${name}:${alias}`);
  }
  return [...new Set(links)];
}
