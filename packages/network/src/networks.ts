import type { PortSocket, SandboxPlan } from "./sandbox-plan.ts";

/** What a container asks of one network (Engine API EndpointSettings' inputs). */
export interface EndpointRequest {
  /** Name, id or id prefix of the network. */
  network: string;
  aliases?: string[];
  links?: string[];
  ipv4?: string;
  ipv6?: string;
  mac?: string;
  driverOptions?: Record<string, string>;
  /** Since API 1.48: which endpoint carries the default route. */
  gatewayPriority?: number;
}

export interface PortRequest {
  protocol: "tcp" | "udp" | "sctp";
  containerPort: number;
  /** Empty: all addresses. */
  hostAddress: string;
  /** First and last host port; both 0: any free one. */
  hostPortFirst: number;
  hostPortLast: number;
}

export interface ConnectRequest {
  containerId: string;
  containerName: string;
  hostname: string;
  endpoints: EndpointRequest[];
  ports: PortRequest[];
  sysctls?: Record<string, string>;
  dns: { servers: string[]; search: string[]; options: string[] };
}

/** What inspect shows of an endpoint (Engine API EndpointSettings' outputs). */
export interface EndpointResult {
  networkName: string;
  networkId: string;
  endpointId: string;
  gateway: string;
  ipAddress: string;
  ipPrefixLength: number;
  ipv6Gateway: string;
  globalIPv6Address: string;
  globalIPv6PrefixLength: number;
  mac: string;
  aliases: string[];
  dnsNames: string[];
}

/** Addresses, ports and plan of one started container. Held until `release`. */
export interface Sandbox {
  plan: SandboxPlan;
  endpoints: EndpointResult[];
  /** Published ports with the host ports that were chosen; `fd` is the reserved socket, to be passed to the shim and closed. */
  ports: (PortSocket & { fd: number })[];
  /** Content of /etc/resolv.conf for the container. */
  resolvConf: string;
}

/** The engine's view of networks. One implementation; drivers behind it. */
export interface Networks {
  /**
   * Allocates addresses, host names and ports for a start. Nothing in the kernel changes yet except the reserved port sockets.
   * Undone by `release`. @throws not-found for an unknown network, conflict for an address in use,
   * system `driver failed programming external connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already allocated`.
   */
  allocate(request: ConnectRequest): Promise<Sandbox>;
  /** Adds the nft elements (one transaction) and zone entries. After the shim made the sandbox, before the process starts. */
  publish(containerId: string): Promise<void>;
  /** Removes zone entries, nft elements, addresses and ports of a container that ended. Idempotent. */
  release(containerId: string): Promise<void>;
}
