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
  /** `--mtu`. */
  mtu: number;
  /** `--icc` of the default bridge. */
  icc: boolean;
  /** `--ip-masq` of the default bridge. */
  masquerade: boolean;
  /** `--ip-forward`: switch on forwarding when it is off. */
  ipForward: boolean;
  /** `--ip`: where ports are bound that name no address; empty: everywhere. */
  bindAddress: string;
  /** `--default-address-pool`; empty: Docker's. */
  pools: readonly AddressPool[];
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
    bypassHostFirewall: false,
    hostGateway: "",
  };
}
