import { invalidParameter, notImplemented } from "@berth/base";
import { parseAddress } from "../address/ip.ts";
import { validateBridgeName } from "../bridge/bridge.ts";

/** Docker's options of the bridge driver. */
export const OPTION = {
  bridgeName: "com.docker.network.bridge.name",
  defaultBridge: "com.docker.network.bridge.default_bridge",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  mtu: "com.docker.network.driver.mtu",
  inhibitIpv4: "com.docker.network.bridge.inhibit_ipv4",
  interfacePrefix: "com.docker.network.container_iface_prefix",
} as const;

/** Options of later engines that this driver does not have: accepted only with the value that changes nothing. */
const NEUTRAL: Readonly<Record<string, readonly string[]>> = {
  "com.docker.network.bridge.gateway_mode_ipv4": ["", "nat"],
  "com.docker.network.bridge.gateway_mode_ipv6": ["", "nat"],
  "com.docker.network.host_ipv4": [""],
  "com.docker.network.host_ipv6": [""],
};

export interface BridgeOptions {
  /** Empty: `br-` and the first digits of the network's id. */
  bridgeName: string;
  icc: boolean;
  masquerade: boolean;
  /** Host address of ports that name none; empty: the daemon's default. */
  hostBinding: string;
  /** Undefined: the daemon's default. */
  mtu: number | undefined;
  interfacePrefix: string;
  /** The bridge gets no IPv4 address: the gateway is somebody else. */
  inhibitIpv4: boolean;
}

/** @throws invalid-parameter with Docker's sentences. Options that nobody knows are kept and have no effect, as with Docker. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const bridgeName = options[OPTION.bridgeName] ?? "";
  if (bridgeName !== "") validateBridgeName(bridgeName);
  for (const [key, values] of Object.entries(NEUTRAL)) {
    const value = options[key];
    if (value !== undefined && !values.includes(value)) {
      throw notImplemented(`network option ${key}=${value} is not supported`);
    }
  }
  const hostBinding = options[OPTION.hostBinding] ?? "";
  if (hostBinding !== "" && parseAddress(hostBinding) === undefined) {
    throw unparsable(OPTION.hostBinding, hostBinding, "nil ip");
  }
  const interfacePrefix = options[OPTION.interfacePrefix] ?? "eth";
  if (!/^[A-Za-z0-9_.-]{1,12}$/.test(interfacePrefix)) {
    throw invalidParameter(`invalid container interface prefix ${JSON.stringify(interfacePrefix)}`);
  }
  return {
    bridgeName,
    icc: parseBoolean(options, OPTION.icc, true),
    masquerade: parseBoolean(options, OPTION.masquerade, true),
    hostBinding,
    mtu: parseMtu(options[OPTION.mtu]),
    interfacePrefix,
    inhibitIpv4: parseBoolean(options, OPTION.inhibitIpv4, false),
  };
}

function parseMtu(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw unparsable(OPTION.mtu, text, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const mtu = Number(text);
  if (mtu === 0) return undefined;
  // The least that IPv4 needs, and the most that a veth device takes.
  if (mtu < 68 || mtu > 65_535) throw invalidParameter(`invalid MTU number: ${mtu}`);
  return mtu;
}

function parseBoolean(options: Readonly<Record<string, string>>, key: string, fallback: boolean): boolean {
  const text = options[key];
  if (text === undefined) return fallback;
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw unparsable(key, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function unparsable(key: string, value: string, reason: string): Error {
  return invalidParameter(`failed to parse ${key} value: ${value} (${reason})`);
}

/** Docker's options of an endpoint (`docker network connect --driver-opt`). */
const ENDPOINT_OPTION = {
  interfaceName: "com.docker.network.endpoint.ifname",
  sysctls: "com.docker.network.endpoint.sysctls",
} as const;

export interface EndpointOptions {
  /** Empty: the next free one. */
  interfaceName: string;
  /** Keys hold `IFNAME` where the interface's name belongs. */
  sysctls: Record<string, string>;
}

/** @throws invalid-parameter. Options that nobody knows have no effect, as with Docker. */
export function parseEndpointOptions(options: Readonly<Record<string, string>>): EndpointOptions {
  const interfaceName = options[ENDPOINT_OPTION.interfaceName] ?? "";
  if (interfaceName !== "" && !/^(?!lo$)[A-Za-z0-9_-][A-Za-z0-9_.-]{0,14}$/.test(interfaceName)) {
    throw invalidParameter(`network interface name ${JSON.stringify(interfaceName)} is invalid`);
  }
  const sysctls: Record<string, string> = {};
  for (const setting of (options[ENDPOINT_OPTION.sysctls] ?? "").split(",")) {
    if (setting === "") continue;
    const at = setting.indexOf("=");
    const key = setting.slice(0, at);
    if (at < 0 || !/^net\.(ipv4|ipv6|mpls)\.[a-z]+\.IFNAME\.[a-z0-9_]+$/.test(key)) {
      throw invalidParameter(`unable to parse endpoint sysctl ${JSON.stringify(setting)}`);
    }
    sysctls[key] = setting.slice(at + 1);
  }
  return { interfaceName, sysctls };
}
