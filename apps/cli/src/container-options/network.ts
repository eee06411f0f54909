import type { EndpointSettings } from "@berth/api";
import { parseCsvLine } from "../flags/csv.ts";
import { parseInteger } from "../flags/go-numbers.ts";
import { isMacAddress } from "./addresses.ts";

/** One `--network`. */
export interface NetworkAttachment {
  target: string;
  aliases: string[];
  links: string[];
  ipv4: string;
  ipv6: string;
  linkLocalIps: string[];
  macAddress: string;
  driverOptions: Record<string, string>;
  gatewayPriority: number;
}

export function emptyAttachment(target: string): NetworkAttachment {
  return {
    target,
    aliases: [],
    links: [],
    ipv4: "",
    ipv6: "",
    linkLocalIps: [],
    macAddress: "",
    driverOptions: {},
    gatewayPriority: 0,
  };
}

/** `--network NAME`, or `--network name=NAME,alias=A,ip=1.2.3.4,…`. @throws Error in Docker's words. */
export function parseNetwork(text: string): NetworkAttachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return emptyAttachment(text);
  const attachment = emptyAttachment("");
  for (const field of parseCsvLine(text)) {
    const at = field.indexOf("=");
    if (at < 1) throw new Error(`invalid field ${field.toLowerCase()}`);
    const key = field.slice(0, at).toLowerCase().trim();
    const value = field
      .slice(at + 1)
      .toLowerCase()
      .trim();
    switch (key) {
      case "name":
        attachment.target = value;
        break;
      case "alias":
        attachment.aliases.push(value);
        break;
      case "ip":
        attachment.ipv4 = value;
        break;
      case "ip6":
        attachment.ipv6 = value;
        break;
      case "mac-address":
        attachment.macAddress = value;
        break;
      case "link-local-ip":
        attachment.linkLocalIps.push(value);
        break;
      case "driver-opt": {
        const equals = value.indexOf("=");
        if (equals < 1) throw new Error("invalid key value pair format in driver options");
        attachment.driverOptions[value.slice(0, equals).trim()] = value.slice(equals + 1).trim();
        break;
      }
      case "gw-priority":
        attachment.gatewayPriority = parsePriority(value);
        break;
      default:
        throw new Error(`invalid field key ${key}`);
    }
  }
  if (attachment.target === "") throw new Error("network name/id is not specified");
  return attachment;
}

function parsePriority(value: string): number {
  const found = /^[+-]?\d+$/.test(value);
  if (!found) throw new Error(`invalid gw-priority (${value}): invalid syntax`);
  try {
    return parseInteger(value.replace(/^([+-]?)0+(?=\d)/, "$1"));
  } catch {
    throw new Error(`invalid gw-priority (${value}): value out of range`);
  }
}

/** Flags that say something about the first network. */
export interface NetworkFlags {
  networks: readonly NetworkAttachment[];
  aliases: readonly string[];
  links: readonly string[];
  ipv4: string;
  ipv6: string;
  linkLocalIps: readonly string[];
  macAddress: string;
}

const MODES = new Set(["default", "bridge", "host", "none", ""]);

/** Whether a network mode names a network that a user made. */
export function isUserDefined(mode: string): boolean {
  return !MODES.has(mode) && !mode.startsWith("container:");
}

/** The endpoints that a container is made with, by network. @throws Error in Docker's words. */
export function endpointsOf(flags: NetworkFlags): Record<string, EndpointSettings> {
  const { networks } = flags;
  if (networks.length === 0) {
    return { default: endpoint(withFlags(emptyAttachment("default"), flags)) };
  }
  const endpoints: Record<string, EndpointSettings> = {};
  for (const [at, network] of networks.entries()) {
    const settings = endpoint(at === 0 ? withFlags(network, flags) : network);
    if (Object.hasOwn(endpoints, network.target)) {
      throw new Error(`network ${JSON.stringify(network.target)} is specified multiple times`);
    }
    // A single network of which nothing is asked is named by the network mode alone.
    if (networks.length === 1 && isEmpty(settings)) continue;
    endpoints[network.target] = settings;
  }
  const own = networks.filter((network) => isUserDefined(network.target)).length;
  if (own > 0 && own < networks.length) {
    throw new Error(
      "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
    );
  }
  return endpoints;
}

function withFlags(network: NetworkAttachment, flags: NetworkFlags): NetworkAttachment {
  const conflict = (flag: string, field: string) =>
    new Error(`conflicting options: cannot specify both --${flag} and per-network ${field}`);
  if (network.aliases.length > 0 && flags.aliases.length > 0) throw conflict("network-alias", "alias");
  if (network.ipv4 !== "" && flags.ipv4 !== "") throw conflict("ip", "IPv4 address");
  if (network.ipv6 !== "" && flags.ipv6 !== "") throw conflict("ip6", "IPv6 address");
  if (network.macAddress !== "" && flags.macAddress !== "") throw conflict("mac-address", "MAC address");
  if (network.linkLocalIps.length > 0 && flags.linkLocalIps.length > 0) {
    throw conflict("link-local-ip", "link-local IP addresses");
  }
  return {
    ...network,
    aliases: flags.aliases.length > 0 ? [...flags.aliases] : network.aliases,
    // On the default network links are the container's, not the endpoint's.
    links: network.target !== "default" && flags.links.length > 0 ? [...flags.links] : network.links,
    ipv4: flags.ipv4 || network.ipv4,
    ipv6: flags.ipv6 || network.ipv6,
    macAddress: flags.macAddress || network.macAddress,
    linkLocalIps: flags.linkLocalIps.length > 0 ? [...flags.linkLocalIps] : network.linkLocalIps,
  };
}

function endpoint(network: NetworkAttachment): EndpointSettings {
  if (network.target.trim() === "") throw new Error("no name set for network");
  if (!isUserDefined(network.target)) {
    if (network.aliases.length > 0) {
      throw new Error("network-scoped aliases are only supported for user-defined networks");
    }
    if (network.links.length > 0) throw new Error("links are only supported for user-defined networks");
  }
  const { ipv4, ipv6, linkLocalIps, macAddress } = network;
  if (macAddress !== "" && !isMacAddress(macAddress)) {
    throw new Error(`${macAddress} is not a valid mac address`);
  }
  const addressed = ipv4 !== "" || ipv6 !== "" || linkLocalIps.length > 0;
  return {
    IPAMConfig: addressed
      ? {
          ...(ipv4 !== "" && { IPv4Address: ipv4 }),
          ...(ipv6 !== "" && { IPv6Address: ipv6 }),
          ...(linkLocalIps.length > 0 && { LinkLocalIPs: linkLocalIps }),
        }
      : null,
    Links: network.links.length > 0 ? network.links : null,
    Aliases: network.aliases.length > 0 ? network.aliases : null,
    MacAddress: macAddress,
    DriverOpts: Object.keys(network.driverOptions).length > 0 ? network.driverOptions : null,
    GwPriority: network.gatewayPriority,
    NetworkID: "",
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

function isEmpty(settings: EndpointSettings): boolean {
  return Object.values(settings).every((value) => value === null || value === "" || value === 0);
}
