import { isInsideOnly } from "../dns/server.ts";
import type { Zone } from "../dns/zone.ts";
import type { DnsPlan } from "../sandbox-plan.ts";
import type { ControllerContext } from "./context.ts";
import { dnsNames } from "./plan.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";
import { embeddedContent, hostModeContent, plainContent, upstreamServers } from "./resolv-conf.ts";

/** The name server's side of sandboxes: zone files, plans for the shims, resolv.conf. */
export class Names {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /** Writes the zone of a network anew from the containers in it. Networks without name server have none. */
  writeNetwork(network: NetworkRecord, sandboxes: Iterable<SandboxRecord>): void {
    if (!hasNames(network)) return;
    const zone: Zone = { network: network.name, hosts: [] };
    for (const sandbox of sandboxes) {
      for (const endpoint of sandbox.endpoints) {
        if (endpoint.networkId !== network.id) continue;
        const addresses = [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== "");
        zone.hosts.push({ names: dnsNames(endpoint, sandbox), addresses });
      }
    }
    this.#context.zones.write(network.id, zone);
  }

  /** Writes the container's own zone, which holds its links; removes it when there are none. */
  writeOwn(sandbox: SandboxRecord): void {
    const links = Object.assign({}, ...sandbox.endpoints.map((endpoint) => endpoint.links)) as Record<
      string,
      string
    >;
    if (Object.keys(links).length === 0) this.#context.zones.remove(sandbox.containerId);
    else this.#context.zones.write(sandbox.containerId, { network: "", hosts: [], links });
  }

  /** The name server of a container; undefined when none of its networks has names. */
  plan(sandbox: SandboxRecord): DnsPlan | undefined {
    const { zones } = this.#context;
    const networks = this.#networksOf(sandbox).filter(hasNames);
    if (networks.length === 0) return undefined;
    // Without way out names of the world are not asked for either: they would leak out by the host.
    const upstreams = sandbox.gatewayEndpoint === "" ? [] : upstreamServers(sandbox.dns);
    const asked = new Set(sandbox.dns.servers);
    return {
      zoneFiles: [sandbox.containerId, ...networks.map((network) => network.id)].map((id) => zones.path(id)),
      upstreams,
      insideUpstreams: upstreams.filter((server) => asked.has(server) && isInsideOnly(server)),
      search: sandbox.dns.search,
      options: sandbox.dns.options,
    };
  }

  resolvConf(sandbox: SandboxRecord): string {
    const networks = this.#networksOf(sandbox);
    if (networks.some((network) => network.driver === "host")) return hostModeContent(sandbox.dns);
    if (networks.some(hasNames)) return embeddedContent(sandbox.dns);
    return plainContent(
      sandbox.dns,
      sandbox.endpoints.some((endpoint) => endpoint.ipv6 !== ""),
    );
  }

  #networksOf(sandbox: SandboxRecord): NetworkRecord[] {
    return sandbox.endpoints
      .map((endpoint) => this.#context.registry.byId(endpoint.networkId))
      .filter((network) => network !== undefined);
  }
}

/** User-defined networks have the embedded name server. */
export function hasNames(network: NetworkRecord): boolean {
  return network.bridge !== undefined && !network.predefined;
}
