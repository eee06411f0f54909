import { defaultNetworkSettings, makePool, type NetworkSettings } from "@berth/network";
import type { DaemonConfig } from "../config/options.ts";

/** Device of the default bridge when `--bridge` is not given. */
const DEFAULT_BRIDGE = "berth0";

/** What the daemon's settings say about networks. @throws invalid-parameter. */
export function networkSettings(config: DaemonConfig): NetworkSettings {
  const settings = defaultNetworkSettings(config.execRoot, config.bridge || DEFAULT_BRIDGE);
  return {
    ...settings,
    ...(config.bip !== "" && { bip: config.bip }),
    ...(config.fixedCidr !== "" && { fixedCidr: config.fixedCidr }),
    ...(config.ipv6 && { ipv6: true }),
    ...(config.ipv6 && config.fixedCidrV6 !== "" && { fixedCidrV6: config.fixedCidrV6 }),
    ...(config.mtu > 0 && { mtu: config.mtu }),
    icc: config.icc,
    masquerade: config.ipMasq,
    ipForward: config.ipForward,
    bindAddress: config.ip === "0.0.0.0" ? "" : config.ip,
    pools: config.defaultAddressPools.map(({ base, size }) => makePool(base, size)),
    packetFilter: config.iptables,
    userlandProxy: config.userlandProxy,
    defaultOptions: config.defaultNetworkOpts,
    bypassHostFirewall: config.bypassHostFirewall,
    hostGateway: config.hostGatewayIp,
  };
}
