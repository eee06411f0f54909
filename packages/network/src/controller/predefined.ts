import { newId, nowNanoseconds, rfc3339Nano } from "@berth/base";
import { formatAddress, formatSubnet, parseCidr } from "../address/ip.ts";
import { bridgeAddresses, validateBridgeName } from "../bridge/bridge.ts";
import type { Ipam, PoolRequest } from "../ipam/ipam.ts";
import { bridgeMac, emptyIpam, poolConfig } from "./create-network.ts";
import { OPTION } from "./options.ts";
import type { NetworkRecord, PoolRecord } from "./records.ts";
import type { NetworkRegistry } from "./registry.ts";
import type { NetworkSettings } from "./settings.ts";

/** Name of the default network. */
export const DEFAULT_NETWORK = "bridge";

/** Makes the records of `host` and `none` when they are missing. */
export function ensureHostAndNone(registry: NetworkRegistry): void {
  for (const [name, driver] of [
    ["none", "null"],
    ["host", "host"],
  ] as const) {
    if (registry.byName(name) === undefined) registry.put(baseRecord(name, driver));
  }
}

/**
 * The record of the default network as the daemon's flags say: the stored one with its id, when there is one. Its addresses are
 * taken in `ipam`. Undefined with `--bridge none`.
 */
export function defaultNetwork(
  stored: NetworkRecord | undefined,
  ipam: Ipam,
  settings: NetworkSettings,
): NetworkRecord | undefined {
  if (settings.bridge === "none") return undefined;
  validateBridgeName(settings.bridge);
  const base = stored ?? baseRecord(DEFAULT_NETWORK, "bridge");
  const pools = [ipam.addPool(base.id, 4, wantedPool(stored, settings))];
  const six = settings.ipv6 === true || settings.fixedCidrV6 !== undefined;
  if (six) {
    const before = stored?.bridge?.pools.find((pool) => pool.subnet.includes(":"))?.subnet;
    const subnet = settings.fixedCidrV6 ?? before ?? "";
    pools.push(ipam.addPool(base.id, 6, { subnet, range: "", gateway: "", auxiliary: {} }));
  }
  return {
    ...base,
    ipv6: six,
    options: {
      [OPTION.defaultBridge]: "true",
      [OPTION.icc]: String(settings.icc),
      [OPTION.masquerade]: String(settings.masquerade),
      [OPTION.hostBinding]: settings.bindAddress === "" ? "0.0.0.0" : settings.bindAddress,
      [OPTION.bridgeName]: settings.bridge,
      [OPTION.mtu]: String(settings.mtu),
    },
    ipam: { Driver: "default", Options: null, Config: pools.map((pool) => poolConfig(pool)) },
    bridge: { device: settings.bridge, mac: bridgeMac(base.id), mtu: settings.mtu, pools },
  };
}

/** `--bip`; else the address of a bridge that exists; else the pool that it had; else any. */
function wantedPool(stored: NetworkRecord | undefined, settings: NetworkSettings): PoolRequest {
  const range = settings.fixedCidr ?? "";
  const existing = settings.bip ?? bridgeAddresses(settings.bridge)?.find((text) => !text.includes(":"));
  const parsed = existing === undefined ? undefined : parseCidr(existing);
  if (parsed !== undefined) {
    const gateway = formatAddress(parsed.address);
    return { subnet: formatSubnet(parsed.subnet), range, gateway, auxiliary: {} };
  }
  const before: PoolRecord | undefined = stored?.bridge?.pools[0];
  if (before !== undefined && !before.subnet.includes(":")) {
    return { subnet: before.subnet, range, gateway: before.gateway, auxiliary: {} };
  }
  return { subnet: "", range, gateway: "", auxiliary: {} };
}

function baseRecord(name: string, driver: NetworkRecord["driver"]): NetworkRecord {
  return {
    id: newId(),
    name,
    created: rfc3339Nano(nowNanoseconds()),
    driver,
    predefined: true,
    ipv4: true,
    ipv6: false,
    internal: false,
    attachable: false,
    options: {},
    labels: {},
    ipam: emptyIpam(),
    userSubnet: { ipv4: false, ipv6: false },
  };
}
