import type {
  EndpointIpamConfig,
  EndpointSettings,
  Ipam,
  IpamPool,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkDisconnectRequest,
  NetworkingConfig,
} from "../types/network.ts";
import {
  boolean,
  type Decoder,
  int,
  list,
  map,
  omitEmpty,
  optional,
  pointer,
  string,
  struct,
} from "./decoder.ts";

const endpointIpamConfig: Decoder<EndpointIpamConfig> = struct<EndpointIpamConfig>("EndpointIPAMConfig", {
  IPv4Address: omitEmpty(string),
  IPv6Address: omitEmpty(string),
  LinkLocalIPs: omitEmpty(list(string)),
});

export const endpointSettingsDecoder: Decoder<EndpointSettings> = struct<EndpointSettings>(
  "EndpointSettings",
  {
    IPAMConfig: pointer(endpointIpamConfig),
    Links: list(string),
    Aliases: list(string),
    MacAddress: string,
    DriverOpts: map(string),
    GwPriority: int,
    NetworkID: string,
    EndpointID: string,
    Gateway: string,
    IPAddress: string,
    IPPrefixLen: int,
    IPv6Gateway: string,
    GlobalIPv6Address: string,
    GlobalIPv6PrefixLen: int,
    DNSNames: list(string),
  },
);

export const networkingConfigDecoder: Decoder<NetworkingConfig> = struct<NetworkingConfig>(
  "NetworkingConfig",
  {
    EndpointsConfig: map(endpointSettingsDecoder),
  },
);

const ipam: Decoder<Ipam> = struct<Ipam>("IPAM", {
  Driver: string,
  Options: map(string),
  Config: list(
    struct<IpamPool>("IPAMConfig", {
      Subnet: omitEmpty(string),
      IPRange: omitEmpty(string),
      Gateway: omitEmpty(string),
      AuxiliaryAddresses: omitEmpty(map(string)),
    }),
  ),
});

/** POST /networks/create. */
export const networkCreateDecoder: Decoder<NetworkCreateRequest> = struct<NetworkCreateRequest>(
  "types.NetworkCreateRequest",
  {
    Name: string,
    CheckDuplicate: omitEmpty(boolean),
    Driver: string,
    Scope: string,
    EnableIPv4: optional(boolean),
    EnableIPv6: optional(boolean),
    IPAM: pointer(ipam),
    Internal: boolean,
    Attachable: boolean,
    Ingress: boolean,
    ConfigOnly: boolean,
    ConfigFrom: pointer(struct<{ Network: string }>("ConfigReference", { Network: string })),
    Options: map(string),
    Labels: map(string),
  },
);

/** POST /networks/{id}/connect. */
export const networkConnectDecoder: Decoder<NetworkConnectRequest> = struct<NetworkConnectRequest>(
  "types.NetworkConnect",
  { Container: string, EndpointConfig: pointer(endpointSettingsDecoder) },
);

/** POST /networks/{id}/disconnect. */
export const networkDisconnectDecoder: Decoder<NetworkDisconnectRequest> = struct<NetworkDisconnectRequest>(
  "types.NetworkDisconnect",
  { Container: string, Force: boolean },
);
