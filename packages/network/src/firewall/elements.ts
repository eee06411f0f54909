import { concatenate, type ElementChange, type SetElement } from "@berth/linux";
import { addressBytes, type IpAddress, parseAddress } from "../address/ip.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import type { PublishedPorts } from "./model.ts";

const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Elements of the port maps and of `own4`, `own6` for one container (see `ruleset.ts`), by set. */
export function portElements({ ports, addresses }: PublishedPorts): ElementChange[] {
  const sets = new Map<string, Map<string, SetElement>>();
  const add = (set: string, element: SetElement) => {
    const elements = sets.get(set) ?? new Map<string, SetElement>();
    sets.set(set, elements);
    elements.set(Buffer.from(element.key).toString("hex"), element);
  };
  const own = addresses.map(parseAddress).filter((address) => address !== undefined);
  for (const port of ports) {
    const host = parseAddress(port.hostAddress);
    const target = parseAddress(port.containerAddress);
    // The kernel translates within a family only; the proxy does the rest.
    if (host === undefined || target === undefined || host.family !== target.family) continue;
    const service = [Uint8Array.of(PROTOCOL[port.protocol]), portBytes(port.hostPort)];
    const data = concatenate(addressBytes(target), portBytes(port.containerPort));
    if (host.value === 0n) add(`port${host.family}`, { key: concatenate(...service), data });
    else add(`port${host.family}_at`, { key: concatenate(addressBytes(host), ...service), data });
    for (const address of own) {
      if (address.family !== host.family) continue;
      add(`own${address.family}`, { key: concatenate(addressBytes(address), ...service) });
    }
  }
  return [...sets].map(([set, elements]) => ({ set, elements: [...elements.values()] }));
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
