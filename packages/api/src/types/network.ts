export interface EndpointIpamConfig {
  IPv4Address?: string;
  IPv6Address?: string;
  LinkLocalIPs?: string[];
}

/** A container's place in one network: the first group is asked, the second is told. */
export interface EndpointSettings {
  IPAMConfig: EndpointIpamConfig | null;
  Links: string[] | null;
  Aliases: string[] | null;
  /** Asked since API 1.44. */
  MacAddress: string;
  DriverOpts: Record<string, string> | null;
  /** Since API 1.48: the endpoint with the highest carries the default route. */
  GwPriority: number;

  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  /** Since API 1.44. */
  DNSNames: string[] | null;
}

export interface NetworkingConfig {
  /** By network name or id. */
  EndpointsConfig: Record<string, EndpointSettings> | null;
}

export interface IpamPool {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface Ipam {
  Driver: string;
  Options: Record<string, string> | null;
  Config: IpamPool[] | null;
}

export interface NetworkCreateRequest {
  Name: string;
  /** Below API 1.44; taken as true always. */
  CheckDuplicate?: boolean;
  Driver: string;
  Scope: string;
  /** Since API 1.48; absent: true. */
  EnableIPv4?: boolean;
  /** Absent: the daemon's default. */
  EnableIPv6?: boolean;
  IPAM: Ipam | null;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigOnly: boolean;
  ConfigFrom: { Network: string } | null;
  Options: Record<string, string> | null;
  Labels: Record<string, string> | null;
}

export interface NetworkCreateResponse {
  Id: string;
  Warning: string;
}

export interface NetworkContainer {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  /** With prefix length. */
  IPv4Address: string;
  IPv6Address: string;
}

/** GET /networks and /networks/{id}; the list leaves `Containers` empty. */
export interface NetworkInspect {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  /** Since API 1.48. */
  EnableIPv4?: boolean;
  EnableIPv6: boolean;
  IPAM: Ipam;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers: Record<string, NetworkContainer>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
  Peers?: { Name: string; IP: string }[];
  Services?: Record<string, unknown>;
}

export interface NetworkConnectRequest {
  Container: string;
  EndpointConfig: EndpointSettings | null;
}

export interface NetworkDisconnectRequest {
  Container: string;
  Force: boolean;
}

export interface NetworksPruneReport {
  NetworksDeleted: string[] | null;
}
