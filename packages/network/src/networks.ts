import type {
  Filters,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkInspect,
  NetworksPruneReport,
} from "@berth/api";
import type { DnsPlan, EndpointPlan, GatewayPlan, PortSocket, SandboxPlan } from "./sandbox-plan.ts";

/** What a container asks of one network (Engine API EndpointSettings' inputs). */
export interface EndpointRequest {
  /** Name, id or id prefix of the network. */
  network: string;
  aliases?: string[];
  /** `container:alias`; resolved by name within the container's networks. */
  links?: string[];
  ipv4?: string;
  ipv6?: string;
  mac?: string;
  /** Further addresses of the interface, without prefix. */
  linkLocal?: string[];
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

/** A port of another container on the default network. */
export interface LinkedPort {
  address: string;
  protocol: PortRequest["protocol"];
  port: number;
}

export interface ConnectRequest {
  containerId: string;
  containerName: string;
  hostname: string;
  endpoints: EndpointRequest[];
  ports: PortRequest[];
  sysctls?: Record<string, string>;
  /** What legacy links lead to: open also where containers of the default network do not reach each other. */
  linked?: LinkedPort[];
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
   * Undone by `release`. @throws not-found for an unknown network, forbidden for an address in use,
   * system `driver failed programming external connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already allocated`.
   */
  allocate(request: ConnectRequest): Promise<Sandbox>;
  /** Adds the nft elements (one transaction) and zone entries. After the shim made the sandbox, before the process starts. */
  publish(containerId: string): Promise<void>;
  /** Removes zone entries, nft elements, addresses and ports of a container that ended. Idempotent. */
  release(containerId: string): Promise<void>;

  /** The network that a name, an id or an id prefix means. @throws not-found `network x not found`. */
  lookUp(network: string): NetworkIdentity;
  /**
   * Checks what a container that is not running asks, as `allocate` and `connect` will. `connected`: ids of the networks that it
   * has already. @throws Docker's sentences.
   */
  validateEndpoint(request: EndpointRequest, connected: readonly string[]): void;
  /**
   * Gives a running container a place in a further network; the engine then tells the shim. Undone by `disconnect`.
   * `ports`: what the container asks to publish; they are allocated when it gets a way out by this.
   * @throws as `allocate`; forbidden `endpoint with name x already exists in network y`.
   */
  connect(
    containerId: string,
    request: EndpointRequest,
    ports: readonly PortRequest[],
  ): Promise<LiveConnection>;
  /** Takes a running container out of a network. @throws system `container x is not connected to network y`. */
  disconnect(containerId: string, network: string): Promise<LiveDisconnection>;
  /** The legacy links of a running container lead elsewhere now. */
  relink(containerId: string, linked: readonly LinkedPort[]): void;
  /** A running container has another name: for the name server and for `network inspect`. */
  rename(containerId: string, name: string): void;
  /** What the shim of a running container should have made by now; undefined when it has no sandbox. */
  sandboxOf(containerId: string): { plan: SandboxPlan; ports: readonly PortSocket[] } | undefined;
  /** The endpoints of a running container; undefined when it has none. */
  endpointsOf(containerId: string): EndpointResult[] | undefined;
  /** The published ports of a running container. */
  portsOf(containerId: string): readonly PortSocket[];
  /** The host's address as containers reach it: the default bridge's gateway, or what the daemon was told. */
  hostGateway(): string;

  /** @throws conflict `network with name x already exists`, and many of Docker's sentences. */
  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse>;
  /** @throws forbidden for predefined networks and those with active endpoints. */
  remove(network: string): Promise<NetworkIdentity>;
  /** `filters`: dangling, driver, id, label, label!, name, scope, type. `Containers` is empty. */
  list(filters: Filters): NetworkInspect[];
  inspect(network: string): NetworkInspect;
  /**
   * Removes the user-defined networks without endpoints. `filters`: label, label!. `createdBefore`: milliseconds since 1970.
   * `removed` is told each network that went.
   */
  prune(
    filters: Filters,
    removed?: (network: NetworkIdentity) => void,
    createdBefore?: number,
  ): Promise<NetworksPruneReport>;
}

export interface NetworkIdentity {
  id: string;
  name: string;
  /** `bridge`, `host`, `null`. */
  driver: string;
  /** Not one of bridge, host, none. */
  userDefined: boolean;
}

export interface LiveConnection {
  plan: EndpointPlan;
  endpoint: EndpointResult;
  /** For the shim's name server, when the container has one or gets one by this. */
  dns?: DnsPlan;
  /** What /etc/resolv.conf is to say from now on. */
  resolvConf: string;
  /** The published ports from now on, when they changed. */
  ports?: PortSocket[];
}

export interface LiveDisconnection {
  network: NetworkIdentity;
  endpointId: string;
  /** Default routes that move to other endpoints. */
  gateways: GatewayPlan[];
  dns?: DnsPlan;
  /** The published ports from now on, when they changed. */
  ports?: PortSocket[];
}
