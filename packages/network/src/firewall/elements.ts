import { concatenate, type ElementChange } from "@berth/linux";
import { addressBytes, formatAddress, type IpAddress, parseAddress } from "../address/ip.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import type { PublishedPorts } from "./model.ts";

const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;

/** An element of a port map, of `own4`, `own6` or `links4` (see `ruleset.ts`): the parts of its key and of its value. */
interface PortEntry {
  set: string;
  key: { addresses: IpAddress[]; protocol: keyof typeof PROTOCOL; port: number };
  value?: { address: IpAddress; port: number };
}

/** What the kernel is to know of one container's ports; each key once. */
function portEntries({
  ports,
  addresses,
  own: callers = addresses,
  links = [],
}: PublishedPorts): PortEntry[] {
  const entries = new Map<string, PortEntry>();
  const add = (entry: PortEntry) => entries.set(`${entry.set} ${keyText(entry)}`, entry);
  const own = callers.map(parseAddress).filter((address) => address !== undefined);
  for (const { protocol, hostAddress, hostPort, containerAddress, containerPort } of ports) {
    const host = parseAddress(hostAddress);
    const target = parseAddress(containerAddress);
    // The kernel translates within a family only; the proxy does the rest.
    if (host === undefined || target === undefined || host.family !== target.family) continue;
    const key = { addresses: [], protocol, port: hostPort };
    const value = { address: target, port: containerPort };
    if (host.value === 0n) add({ set: `port${host.family}`, key, value });
    else add({ set: `port${host.family}_at`, key: { ...key, addresses: [host] }, value });
    for (const address of own) {
      if (address.family === host.family)
        add({ set: `own${address.family}`, key: { ...key, addresses: [address] } });
    }
  }
  for (const { from, to, protocol, port } of links) {
    const ends = [from, to].map(parseAddress).filter((address) => address?.family === 4);
    if (ends.length === 2) add({ set: "links4", key: { addresses: ends as IpAddress[], protocol, port } });
  }
  return [...entries.values()];
}

/** The elements of one container for the kernel, by set. */
export function portElements(published: PublishedPorts): ElementChange[] {
  const sets = new Map<string, ElementChange>();
  for (const { set, key, value } of portEntries(published)) {
    const change = sets.get(set) ?? { set, elements: [] };
    sets.set(set, change);
    change.elements.push({
      key: concatenate(
        ...key.addresses.map(addressBytes),
        Uint8Array.of(PROTOCOL[key.protocol]),
        portBytes(key.port),
      ),
      ...(value === undefined
        ? {}
        : { data: concatenate(addressBytes(value.address), portBytes(value.port)) }),
    });
  }
  return [...sets.values()];
}

/** The same as text of nft(8), by set. */
export function portElementTexts(published: PublishedPorts): { set: string; text: string }[] {
  return portEntries(published).map((entry) => {
    const { set, value } = entry;
    const target = value === undefined ? "" : ` : ${formatAddress(value.address)} . ${value.port}`;
    return { set, text: keyText(entry) + target };
  });
}

function keyText({ key }: PortEntry): string {
  const addresses = key.addresses.map((address) => `${formatAddress(address)} . `).join("");
  return `${addresses}${key.protocol} . ${key.port}`;
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port);
}

/** Families and numbers of the UDP ports that are published. */
export function udpPorts(ports: readonly PortSocket[]): { family: IpAddress["family"]; port: number }[] {
  return ports
    .filter((port) => port.protocol === "udp")
    .map((port) => ({ family: port.hostAddress.includes(":") ? 6 : 4, port: port.hostPort }));
}
