import { portElementTexts } from "./elements.ts";
import type { FirewallNetwork, PublishedPorts } from "./model.ts";

/*
 * The table of one daemon, as nft(8) text. Everything that changes is an element of a set or map; the rules stay as they are.
 */

/** The commands that replace the whole table, in one transaction. */
export function rulesetText(
  table: string,
  networks: readonly FirewallNetwork[],
  published: Iterable<PublishedPorts>,
): string {
  const sets = networkElements(networks);
  for (const container of published) {
    for (const { set, text } of portElementTexts(container)) addElement(sets, set, text);
  }
  const declare = (kind: "set" | "map", name: string, type: string, flags = "") => {
    const elements = sets.get(name) ?? [];
    const values = elements.length > 0 ? `\n    elements = { ${elements.join(", ")} }` : "";
    return `  ${kind} ${name} {\n    type ${type}${flags}${values}\n  }`;
  };
  const set = (name: string, type: string, flags = "") => declare("set", name, type, flags);
  const interval = "\n    flags interval";
  const portMap = (name: string, key: string, family: 4 | 6) =>
    declare("map", name, `${key}inet_proto . inet_service : ipv${family}_addr . inet_service`);
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
${set("bridges", "ifname")}
${set("internal", "ifname")}
${set("same_bridge", "ifname . ifname")}
${set("masquerade4", "ipv4_addr", interval)}
${set("masquerade6", "ipv6_addr", interval)}
${set("local4", "ifname . ipv4_addr", interval)}
${set("local6", "ifname . ipv6_addr", interval)}
${portMap("port4", "", 4)}
${portMap("port6", "", 6)}
${portMap("port4_at", "ipv4_addr . ", 4)}
${portMap("port6_at", "ipv6_addr . ", 6)}
${set("own4", "ipv4_addr . inet_proto . inet_service")}
${set("links4", "ipv4_addr . ipv4_addr . inet_proto . inet_service")}
${set("own6", "ipv6_addr . inet_proto . inet_service")}
${CHAINS}
}
`;
}

/**
 * published: host ports to containers. A container that asks for its own port gets the socket behind it instead (`own`): the
 *   bridge would not send a packet back to where it came from.
 * guard: the bridges take packets for 127.0.0.0/8 (route_localnet, so that published ports work on 127.0.0.1); containers
 *   must not send any.
 * inward: an answer must come back through here: for clients on the host's loopback, and for those of the same network, which
 *   would otherwise be answered directly.
 * forward: between networks and from outside only what is published.
 */
const CHAINS = `
  chain published {
    ip saddr . meta l4proto . th dport @own4 return
    ip6 saddr . meta l4proto . th dport @own6 return
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @port4_at
    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @port4
    meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @port6_at
    meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @port6
  }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip saddr 127.0.0.0/8 drop
    iifname @bridges ip daddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local jump published
  }
  chain inward {
    ip saddr 127.0.0.0/8 masquerade
    ct status dnat oifname . ip saddr @local4 masquerade
    ct status dnat oifname . ip6 saddr @local6 masquerade
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges goto inward
    ip saddr @masquerade4 masquerade
    ip6 saddr @masquerade6 masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != @bridges oifname != @bridges accept
    ct state established,related accept
    iifname . oifname @same_bridge accept
    ip saddr . ip daddr . meta l4proto . th dport @links4 accept
    iifname @internal drop
    oifname @internal drop
    ct status dnat accept
    oifname @bridges drop
  }`;

/** Elements of the networks by set. */
function networkElements(networks: readonly FirewallNetwork[]): Map<string, string[]> {
  const sets = new Map<string, string[]>();
  const add = (name: string, element: string) => addElement(sets, name, element);
  for (const network of networks) {
    const device = JSON.stringify(network.bridge);
    add("bridges", device);
    if (network.internal) add("internal", device);
    if (network.icc) add("same_bridge", `${device} . ${device}`);
    for (const subnet of network.subnets) {
      const family = subnet.includes(":") ? 6 : 4;
      if (network.masquerade && !network.internal) add(`masquerade${family}`, subnet);
      add(`local${family}`, `${device} . ${subnet}`);
    }
  }
  return sets;
}

function addElement(sets: Map<string, string[]>, name: string, element: string): void {
  const elements = sets.get(name);
  if (elements === undefined) sets.set(name, [element]);
  else elements.push(element);
}

/** The commands that add or remove one network. */
export function networkChangeText(action: "add" | "delete", table: string, network: FirewallNetwork): string {
  return [...networkElements([network])]
    .map(([set, elements]) => `${action} element inet ${table} ${set} { ${elements.join(", ")} }\n`)
    .join("");
}
