import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { log } from "@berth/base";
import { listRoutes, NETLINK_ROUTE, NetlinkSocket } from "@berth/linux";
import { addressFromBytes, isLinkLocal, parseCidr, type Subnet, subnetOf } from "../address/ip.ts";
import { ensureBridge } from "../bridge/bridge.ts";
import type { FirewallNetwork } from "../firewall/model.ts";
import { writeSysctl } from "../sandbox/sysctl.ts";
import { parseBridgeOptions } from "./options.ts";
import type { NetworkRecord } from "./records.ts";

/** Makes the bridge of a network, or brings it to what the record says. `guarded`: our packet filter is there. */
export function ensureNetworkBridge(network: NetworkRecord, guarded: boolean): void {
  const { bridge } = network;
  if (bridge === undefined) return;
  const { inhibitIpv4 } = parseBridgeOptions(network.options);
  const addresses = bridge.pools
    .filter((pool) => !inhibitIpv4 || pool.subnet.includes(":"))
    .map((pool) => `${pool.gateway}/${parseCidr(pool.subnet)?.subnet.prefix ?? 0}`);
  if (network.ipv6) enableForwarding6();
  ensureBridge({
    name: bridge.device,
    mtu: bridge.mtu,
    mac: bridge.mac,
    addresses,
    routeLoopback: guarded && network.ipv4 && !network.internal,
  });
}

export function firewallNetwork(network: NetworkRecord): FirewallNetwork | undefined {
  const { bridge } = network;
  if (bridge === undefined) return undefined;
  const { icc, masquerade } = parseBridgeOptions(network.options);
  const subnets = bridge.pools.map((pool) => pool.subnet);
  return { bridge: bridge.device, subnets, masquerade, icc, internal: network.internal };
}

/** Switches on IPv4 forwarding. */
export function enableForwarding(): void {
  if (readSysctl("ipv4/ip_forward") !== "1") writeSysctl("net.ipv4.ip_forward", "1");
}

/**
 * Switches on IPv6 forwarding. The kernel takes a forwarding host for a router that needs no router advertisements; interfaces
 * that live by them keep listening.
 */
function enableForwarding6(): void {
  if (readSysctl("ipv6/conf/all/forwarding") !== "0") return;
  const folder = "/proc/sys/net/ipv6/conf";
  for (const name of readdirSync(folder)) {
    if (name === "all" || readSysctl(`ipv6/conf/${name}/accept_ra`) !== "1") continue;
    writeFileSync(`${folder}/${name}/accept_ra`, "2");
  }
  writeSysctl("net.ipv6.conf.all.forwarding", "1");
}

/** True when frames between the ports of a bridge pass the firewall (br_netfilter). */
export function bridgedFramesAreFiltered(): boolean {
  return (
    readSysctl("bridge/bridge-nf-call-iptables") === "1" &&
    readSysctl("bridge/bridge-nf-call-ip6tables") === "1"
  );
}

/**
 * Has frames between the ports of bridges pass the firewall, as Docker does for `--icc=false`: links are open then. Where the
 * kernel has no br_netfilter the ports are isolated instead, and links are not open.
 */
export function filterBridgedFrames(): void {
  if (bridgedFramesAreFiltered()) return;
  try {
    if (!existsSync("/proc/sys/net/bridge"))
      Bun.spawnSync(["modprobe", "br_netfilter"], { stderr: "ignore" });
    for (const name of ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"])
      writeSysctl(`net/bridge/${name}`, "1");
  } catch (error) {
    log.warn("links do not work with --icc=false here: bridged frames cannot be filtered", { error });
  }
}

function readSysctl(path: string): string {
  const full = `/proc/sys/net/${path}`;
  return existsSync(full) ? readFileSync(full, "utf8").trim() : "";
}

/** The networks that the host has routes to; default and link-local routes left out. */
export function hostRoutes(): Subnet[] {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  return listRoutes(socket)
    .map((route) => subnetOf(addressFromBytes(route.destination), route.prefixLength))
    .filter((subnet) => subnet.prefix > 0 && !isLinkLocal(subnet));
}
