import { BlockList, isIP } from "node:net";

/** `host:port` without its port; brackets of an IPv6 address are taken off. */
export function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  return bracketed?.[1] ?? host.replace(/:\d+$/, "");
}

/**
 * Whether a registry may be spoken to without a certificate that can be verified, and without TLS: `localhost` and
 * 127.0.0.0/8 always, else what `insecure-registries` lists: `host`, `host:port`, networks.
 */
export function isInsecure(host: string, entries: readonly string[]): boolean {
  const name = hostName(host);
  if (name === "localhost" || name === "::1" || /^127\./.test(name)) return true;
  return entries.some((entry) => {
    const bare = entry.replace(/^https?:\/\//, "").replace(/\/$/, "");
    const network = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(bare);
    if (network !== null) return isIn(name, network[1]!, Number(network[2]));
    return bare === host || bare === name;
  });
}

function isIn(address: string, network: string, bits: number): boolean {
  const kind = isIP(address);
  if (kind === 0 || isIP(network) !== kind) return false;
  const family = kind === 4 ? "ipv4" : "ipv6";
  try {
    const list = new BlockList();
    list.addSubnet(network, bits, family);
    return list.check(address, family);
  } catch {
    return false;
  }
}
