import { concatenate, type ElementChange } from "@berth/linux";
import { addressBytes, formatAddress, type IpAddress, parseAddress } from "../address/ip.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import type { PublishedPorts } from "./model.ts";

const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;

/** An element of a port map or of `own4`, `own6` (see `ruleset.ts`): the parts of its key and of its value. */
interface PortEntry {
  set: string;
  key: { address?: IpAddress; protocol: keyof typeof PROTOCOL; port: number };
  value?: { address: IpAddress; port: number };
}

/** What the kernel is to know of one container's ports; each key once. */
function portEntries({ ports, addresses, own: callers = addresses }: PublishedPorts): PortEntry[] {
  const entries = new Map<string, PortEntry>();
  const add = (entry: PortEntry) => entries.set(`${entry.set} ${keyText(entry)}`, entry);
  const own = callers.map(parseAddress).filter((address) => address !== undefined);
  for (const { protocol, hostAddress, hostPort, containerAddress, containerPort } of ports) {
    const host = parseAddress(hostAddress);
    const target = parseAddress(containerAddress);
    // The kernel translates within a family only; the proxy does the rest.
    if (host === undefined || target === undefined || host.family !== target.family) continue;
    const key = { protocol, port: hostPort };
    const value = { address: target, port: containerPort };
    if (host.value === 0n) add({ set: `port${host.family}`, key, value });
    else add({ set: `port${host.family}_at`, key: { ...key, address: host }, value });
    for (const address of own) {
      if (address.family === host.family) add({ set: `own${address.family}`, key: { ...key, address } });
    }
  }
  return [...entries.values()];
}

/** The elements of one container for the kernel, by set. */
export function portElements(published: PublishedPorts): ElementChange[] {
  const sets = new Map<string, ElementChange>();
  for (const { set, key, value } of portEntries(published)) {
    const change = sets.get(set) ?? { set, elements: [] };
    sets.set(set, change);
    const address = key.address === undefined ? [] : [addressBytes(key.address)];
    change.elements.push({
      key: concatenate(...address, Uint8Array.of(PROTOCOL[key.protocol]), portBytes(key.port)),
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
  const address = key.address === undefined ? "" : `${formatAddress(key.address)} . `;
  return `${address}${key.protocol} . ${key.port}`;
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
