import type { Ipam } from "@berth/api";
import type { State } from "@berth/state";
import type { LinkedPort } from "../networks.ts";
import type { PortSocket } from "../sandbox-plan.ts";

/** One network as it is stored. */
export interface NetworkRecord {
  id: string;
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  driver: "bridge" | "host" | "null";
  /** bridge, host, none: made by the daemon. */
  predefined: boolean;
  ipv4: boolean;
  ipv6: boolean;
  internal: boolean;
  attachable: boolean;
  options: Record<string, string>;
  labels: Record<string, string>;
  /** As asked, with the subnets and gateways that were chosen. */
  ipam: Ipam;
  /** The user named the subnet, so containers may name their address. */
  userSubnet: { ipv4: boolean; ipv6: boolean };
  /** Only settings, for networks that are made from it. */
  configOnly?: boolean;
  /** Name of the configuration network that it was made from. */
  configFrom?: string;
  /** Of the bridge driver. */
  bridge?: BridgeRecord;
}

export interface BridgeRecord {
  device: string;
  mac: string;
  mtu: number;
  pools: PoolRecord[];
}

export interface PoolRecord {
  subnet: string;
  /** Empty: the whole subnet. */
  range: string;
  gateway: string;
  auxiliary: string[];
}

/** A container's place in one network while it runs. */
export interface EndpointRecord {
  id: string;
  networkId: string;
  /** Without prefix; empty when it has none. */
  ipv4: string;
  ipv6: string;
  mac: string;
  aliases: string[];
  /** Alias → name, for the container's own zone file. */
  links: Record<string, string>;
  hostInterface: string;
  containerInterface: string;
  /** Addresses that the interface has besides, with prefix. */
  linkLocal?: string[];
  gatewayPriority: number;
  /** Of the interface. */
  sysctls?: Record<string, string>;
}

/** What a running container holds. */
export interface SandboxRecord {
  containerId: string;
  containerName: string;
  hostname: string;
  endpoints: EndpointRecord[];
  /** Endpoint with the default route and the ports; empty: none. */
  gatewayEndpoint: string;
  /** That of IPv6, when it is another one. */
  gatewayEndpoint6?: string;
  ports: PortSocket[];
  linked?: LinkedPort[];
  dns: { servers: string[]; search: string[]; options: string[] };
}

const MIGRATIONS = [
  `CREATE TABLE networks (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT;
   CREATE TABLE network_sandboxes (container_id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT`,
];

/** The tables of this package. Sandboxes mean nothing after a power failure, so they do not wait for the disk. */
export class NetworkStore {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
    state.migrate("network", MIGRATIONS);
  }

  networks(): NetworkRecord[] {
    return this.#state
      .all<{ record: string }>("SELECT record FROM networks ORDER BY rowid")
      .map((row) => JSON.parse(row.record) as NetworkRecord);
  }

  putNetwork(network: NetworkRecord): void {
    this.#state.run(
      "INSERT INTO networks (id, name, record) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, record = excluded.record",
      network.id,
      network.name,
      JSON.stringify(network),
    );
  }

  deleteNetwork(id: string): void {
    this.#state.run("DELETE FROM networks WHERE id = ?", id);
  }

  sandboxes(): SandboxRecord[] {
    return this.#state
      .all<{ record: string }>("SELECT record FROM network_sandboxes")
      .map((row) => JSON.parse(row.record) as SandboxRecord);
  }

  putSandbox(sandbox: SandboxRecord): void {
    this.#state.transaction(
      () =>
        this.#state.run(
          "INSERT OR REPLACE INTO network_sandboxes (container_id, record) VALUES (?, ?)",
          sandbox.containerId,
          JSON.stringify(sandbox),
        ),
      { durable: false },
    );
  }

  deleteSandbox(containerId: string): void {
    this.#state.transaction(
      () => this.#state.run("DELETE FROM network_sandboxes WHERE container_id = ?", containerId),
      { durable: false },
    );
  }
}
