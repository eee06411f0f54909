import type { IpamPool, Ipam as IpamSettings, NetworkCreateRequest } from "@berth/api";
import {
  conflict,
  forbidden,
  invalidParameter,
  newId,
  notFound,
  notImplemented,
  nowNanoseconds,
  rfc3339Nano,
  unavailable,
} from "@berth/base";
import { parseCidr } from "../address/ip.ts";
import type { Ipam, PoolRequest } from "../ipam/ipam.ts";
import { configNetwork, withConfiguration } from "./config-network.ts";
import { parseBridgeOptions } from "./options.ts";
import type { NetworkRecord, PoolRecord } from "./records.ts";
import type { NetworkRegistry } from "./registry.ts";
import type { NetworkSettings } from "./settings.ts";

/** Of networks that name none. */
const DEFAULT_MTU = 1500;
const PREDEFINED = new Set(["bridge", "host", "none", "default"]);
/** Drivers that Docker has and Berth has not (yet). */
const OTHER_DRIVERS = new Set(["macvlan", "ipvlan"]);

/**
 * The record of a new bridge network, with its addresses taken in `ipam` (undone by `ipam.removeNetwork`). Nothing is stored
 * or made yet. @throws Docker's sentences.
 */
export function makeNetwork(
  asked: NetworkCreateRequest,
  registry: NetworkRegistry,
  ipam: Ipam,
  settings: NetworkSettings,
): NetworkRecord {
  validateName(asked.Name, registry);
  if (asked.ConfigOnly) return configNetwork(asked);
  validateRequest(asked);
  return bridgeNetwork(withConfiguration(asked, registry), registry, ipam, settings);
}

function bridgeNetwork(
  request: NetworkCreateRequest,
  registry: NetworkRegistry,
  ipam: Ipam,
  settings: NetworkSettings,
): NetworkRecord {
  const configFrom = request.ConfigFrom?.Network ?? "";
  const id = newId();
  const options = { ...settings.defaultOptions.bridge, ...request.Options };
  const parsed = parseBridgeOptions(options);
  const device = parsed.bridgeName === "" ? `br-${id.slice(0, 12)}` : parsed.bridgeName;
  for (const other of registry.all()) {
    if (other.bridge?.device !== device) continue;
    throw forbidden(
      `cannot create network ${id} (${device}): conflicts with network ${other.id} (${device}): networks have same bridge name`,
    );
  }
  const ipv4 = request.EnableIPv4 ?? true;
  const ipv6 = request.EnableIPv6 ?? false;
  if (!ipv4 && !ipv6) throw invalidParameter("IPv4 or IPv6 must be enabled");
  const asked = request.IPAM?.Config ?? [];
  try {
    const { config, pools } = choosePools(id, asked, { ipv4, ipv6 }, ipam);
    return {
      id,
      name: request.Name,
      created: rfc3339Nano(nowNanoseconds()),
      driver: "bridge",
      predefined: false,
      ipv4,
      ipv6,
      internal: request.Internal,
      attachable: request.Attachable,
      options,
      labels: request.Labels ?? {},
      ipam: { Driver: "default", Options: request.IPAM?.Options ?? null, Config: config },
      userSubnet: {
        ipv4: asked.some((pool) => (pool.Subnet ?? "").includes(".")),
        ipv6: asked.some((pool) => (pool.Subnet ?? "").includes(":")),
      },
      ...(configFrom === "" ? {} : { configFrom }),
      bridge: { device, mac: bridgeMac(id), mtu: parsed.mtu ?? DEFAULT_MTU, pools },
    };
  } catch (error) {
    ipam.removeNetwork(id);
    throw error;
  }
}

function validateName(name: string, registry: NetworkRegistry): void {
  if (PREDEFINED.has(name)) throw forbidden(`operation is not permitted on predefined ${name} network `);
  if (name.trim() === "" || name.includes("\0")) throw invalidParameter(`invalid name: ${name}`);
  if (registry.byName(name) !== undefined) throw conflict(`network with name ${name} already exists`);
}

function validateRequest(request: NetworkCreateRequest): void {
  const { Driver: driver } = request;
  if (request.Scope !== "" && request.Scope !== "local") {
    throw forbidden(`cannot create a ${request.Scope} scoped network when swarm is not active`);
  }
  if (request.Ingress) throw forbidden("Ingress network can only be global scope network");
  if (driver === "host" || driver === "null") {
    throw forbidden(`only one instance of ${JSON.stringify(driver)} network is allowed`);
  }
  if (driver === "overlay") {
    throw unavailable(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  if (OTHER_DRIVERS.has(driver))
    throw notImplemented(`network driver ${JSON.stringify(driver)} is not supported`);
  if (driver !== "" && driver !== "bridge") throw notFound(`plugin ${JSON.stringify(driver)} not found`);
  const ipamDriver = request.IPAM?.Driver ?? "";
  if (ipamDriver !== "" && ipamDriver !== "default")
    throw notFound(`plugin ${JSON.stringify(ipamDriver)} not found`);
}

/** IPv4 first, as Docker shows them. */
function choosePools(
  id: string,
  asked: readonly IpamPool[],
  families: { ipv4: boolean; ipv6: boolean },
  ipam: Ipam,
): { config: IpamPool[]; pools: PoolRecord[] } {
  const familyOf = (pool: IpamPool): 4 | 6 => {
    const text = pool.Subnet ?? "";
    const parsed = parseCidr(text);
    if (parsed === undefined)
      throw invalidParameter(`Invalid subnet ${text} : invalid CIDR address: ${text}`);
    return parsed.subnet.family;
  };
  const config: IpamPool[] = [];
  const pools: PoolRecord[] = [];
  for (const family of [4, 6] as const) {
    const wanted = asked.filter((pool) => familyOf(pool) === family);
    if (!(family === 4 ? families.ipv4 : families.ipv6)) {
      // Kept, but without effect: Docker does so with IPv6 pools of networks that have no IPv6.
      config.push(...wanted);
      continue;
    }
    if (wanted.length > 1) throw forbidden("bridge driver doesn't support multiple subnets");
    const [pool] = wanted;
    const chosen = ipam.addPool(id, family, poolRequest(pool));
    pools.push(chosen);
    config.push(poolConfig(chosen, pool));
  }
  return { config, pools };
}

function poolRequest(pool: IpamPool | undefined): PoolRequest {
  return {
    subnet: pool?.Subnet ?? "",
    range: pool?.IPRange ?? "",
    gateway: pool?.Gateway ?? "",
    auxiliary: pool?.AuxiliaryAddresses ?? {},
  };
}

/** What inspect shows of a chosen pool. */
export function poolConfig(pool: PoolRecord, asked?: IpamPool): IpamPool {
  const auxiliary = asked?.AuxiliaryAddresses ?? {};
  return {
    Subnet: pool.subnet,
    ...(pool.range === "" ? {} : { IPRange: pool.range }),
    Gateway: pool.gateway,
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

/** Stays the same over restarts, so that neighbours' entries stay right. */
export function bridgeMac(networkId: string): string {
  const digits = networkId.slice(0, 8).match(/../g) ?? [];
  return ["02", "42", ...digits].join(":");
}

export function emptyIpam(): IpamSettings {
  return { Driver: "default", Options: null, Config: [] };
}
