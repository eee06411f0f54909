import type { AddressPool } from "../ipam/defaults.ts";

/** What the daemon's flags say about networks. */
export interface NetworkSettings {
  /** Zone files lie in its folder `dns`. */
  execRoot: string;
  /** `--bridge`: device of the default network; `none`: there is no default network. */
  bridge: string;
  /** `--bip`: address and prefix of the default bridge. */
  bip?: string;
  /** `--fixed-cidr`: where addresses on the default bridge are taken from. */
  fixedCidr?: string;
  /** `--ipv6`: the default bridge has IPv6. */
  ipv6?: boolean;
  /** `--fixed-cidr-v6`: its IPv6 network; without it a unique local one is chosen. Means `ipv6`. */
  fixedCidrV6?: string;
  /** `--mtu` of the default bridge. */
  mtu: number;
  /** `--icc` of the default bridge. */
  icc: boolean;
  /** `--ip-masq` of the default bridge. */
  masquerade: boolean;
  /** `--ip-forward`: switch on forwarding when it is off. */
  ipForward: boolean;
  /** `--ip`: where ports of the default bridge's containers are bound that name no address; empty: everywhere. */
  bindAddress: string;
  /** `--default-address-pool`; empty: Docker's. */
  pools: readonly AddressPool[];
  /** `--default-network-opt`: options of new networks that name no other value, by driver. */
  defaultOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** `--iptables`: without, there are no rules at all. */
  packetFilter: boolean;
  /** `--userland-proxy`: without, only the kernel leads connections to containers. */
  userlandProxy: boolean;
  /** `--bypass-host-firewall`: published ports are open where a firewall of the host forbids what is forwarded. */
  bypassHostFirewall: boolean;
  /** `--host-gateway-ip`; empty: the default bridge's gateway. */
  hostGateway: string;
}

export function defaultNetworkSettings(execRoot: string, bridge: string): NetworkSettings {
  return {
    execRoot,
    bridge,
    mtu: 1500,
    icc: true,
    masquerade: true,
    ipForward: true,
    bindAddress: "",
    pools: [],
    defaultOptions: {},
    packetFilter: true,
    userlandProxy: true,
    bypassHostFirewall: false,
    hostGateway: "",
  };
}
