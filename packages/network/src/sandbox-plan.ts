/** What the shim does to the network when a container starts: plain data made by the daemon, executed in `sandbox/`. */
export interface SandboxPlan {
  /**
   * `private`: a new network namespace with `endpoints`; `none`: a new one with only loopback;
   * `host`: the host's; `join`: the namespace of another process.
   */
  mode: "private" | "none" | "host" | "join";
  /** For `join`: `/proc/<pid>/ns/net`. */
  joinPath?: string;
  endpoints: EndpointPlan[];
  /** sysctls below net.*, set in the namespace. */
  sysctls?: Record<string, string>;
  /** The sockets of published ports are only held: the kernel alone leads connections to the container. */
  holdPorts?: boolean;
  /** Present when an embedded DNS server shall listen on 127.0.0.11:53 in the namespace. */
  dns?: DnsPlan;
}

export interface EndpointPlan {
  networkId: string;
  endpointId: string;
  driver: "bridge";
  /** Bridge device on the host. */
  bridge: string;
  /** Host end of the veth pair, at most 15 characters. */
  hostInterface: string;
  /** Name inside: eth0, eth1, … */
  containerInterface: string;
  mac: string;
  mtu: number;
  /** `172.17.0.2/16`, `fd00::2/64`. */
  addresses: string[];
  /** The default routes that this endpoint carries: at most one of each family. They replace those that are there. */
  gateways: string[];
  routes?: { destination: string; via?: string }[];
  /** sysctls of the interface, set when it is up. */
  sysctls?: Record<string, string>;
  /** The port exchanges frames only with the bridge, not with other ports (`enable_icc=false`). */
  isolated?: boolean;
  /** The bridge sends frames back to this port. */
  hairpin?: boolean;
}

/** Default routes of a running container that another endpoint carries from now on. */
export interface GatewayPlan {
  endpointId: string;
  gateways: string[];
}

export interface DnsPlan {
  /** Zone files to read, in order (one per network); replaced by rename when membership changes. */
  zoneFiles: string[];
  /** Where other names are asked, from the host's namespace unless the address is reachable only inside. */
  upstreams: string[];
  /** Those of `upstreams` that are asked from within the container's namespace: its own loopback addresses. */
  insideUpstreams?: string[];
  search: string[];
  options: string[];
}

/** One published port as the shim sees it: a reserved socket of the host that it holds and, when traffic reaches it, proxies. */
export interface PortSocket {
  protocol: "tcp" | "udp" | "sctp";
  hostAddress: string;
  hostPort: number;
  containerAddress: string;
  containerPort: number;
}
