import { invalidParameter, systemError } from "@berth/base";
import {
  addAddress,
  addBridge,
  deleteAddress,
  deleteLink,
  getLink,
  INTERFACE_NAME_MAX,
  type InterfaceAddress,
  isErrno,
  type Link,
  listAddresses,
  listLinks,
  NETLINK_ROUTE,
  NetlinkSocket,
  setLink,
} from "@berth/linux";
import {
  addressBytes,
  addressFromBytes,
  formatAddress,
  type IpAddress,
  isLinkLocal,
  parseCidr,
  type Subnet,
  sameAddress,
} from "../address/ip.ts";
import { parseMac } from "../address/mac.ts";
import { writeSysctl } from "../sandbox/sysctl.ts";

export interface BridgeSpec {
  name: string;
  mtu: number;
  /** Given explicitly, because a bridge without one takes that of a port, and changes it with them. */
  mac: string;
  /** The host's addresses on it: `172.17.0.1/16`. */
  addresses: string[];
  /** Published ports shall work on 127.0.0.1, so the bridge routes loopback addresses (the firewall guards them). */
  routeLoopback: boolean;
}

/**
 * Makes the bridge as described, or brings one that exists to it: up, with exactly the addresses of the description (those of
 * families that it does not mention, and link-local ones, stay). Synchronous.
 * @throws system Docker's `existing interface x is not a bridge`, SyscallError.
 */
export function ensureBridge(spec: BridgeSpec): void {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  const wanted = spec.addresses.map((text) => {
    const parsed = parseCidr(text);
    if (parsed === undefined) throw invalidParameter(`invalid CIDR address: ${text}`);
    return parsed;
  });
  let link = findLink(socket, spec.name);
  const created = link === undefined;
  if (link === undefined) {
    const batch = socket.batch();
    const mac = parseMac(spec.mac);
    addBridge(batch, { name: spec.name, mtu: spec.mtu, up: true, ...(mac === undefined ? {} : { mac }) });
    socket.run(batch);
    link = getLink(socket, spec.name);
  } else if (link.kind !== "bridge") {
    throw systemError(`existing interface ${spec.name} is not a bridge`);
  }
  const { index } = link;
  try {
    const six = wanted.some(({ address }) => address.family === 6);
    if (six) writeSysctl(`net/ipv6/conf/${spec.name}/disable_ipv6`, "0");
    writeSysctl(`net/ipv4/conf/${spec.name}/route_localnet`, spec.routeLoopback ? "1" : "0");
    const first = socket.batch();
    if (!link.up || link.mtu !== spec.mtu) setLink(first, index, { up: true, mtu: spec.mtu });
    const families = new Set(wanted.map(({ address }) => address.family));
    for (const entry of addressesOf(socket, index)) {
      if (!families.has(entry.ip.family) || isLinkLocal(entry.ip)) continue;
      if (!wanted.some((each) => isSame(each, entry))) deleteAddress(first, entry);
    }
    socket.run(first);
    // With the first address of a subnet the kernel may have removed others.
    const present = addressesOf(socket, index);
    const second = socket.batch();
    for (const each of wanted) {
      if (present.some((entry) => isSame(each, entry))) continue;
      addAddress(second, { index, address: addressBytes(each.address), prefixLength: each.subnet.prefix });
    }
    socket.run(second);
  } catch (error) {
    if (created) removeBridge(spec.name);
    throw error;
  }
}

/** Removes a bridge; nothing happens when there is none. */
export function removeBridge(name: string): void {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  if (findLink(socket, name)?.kind !== "bridge") return;
  const batch = socket.batch();
  deleteLink(batch, name);
  socket.run(batch);
}

/** IPv4 and IPv6 addresses of an existing bridge, with prefix; undefined when there is none. */
export function bridgeAddresses(name: string): string[] | undefined {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  const link = findLink(socket, name);
  if (link === undefined) return undefined;
  if (link.kind !== "bridge") throw systemError(`existing interface ${name} is not a bridge`);
  return addressesOf(socket, link.index)
    .filter(({ ip }) => !isLinkLocal(ip))
    .map(({ ip, prefixLength }) => `${formatAddress(ip)}/${prefixLength}`);
}

type PresentAddress = InterfaceAddress & { ip: IpAddress };

function addressesOf(socket: NetlinkSocket, index: number): PresentAddress[] {
  return listAddresses(socket)
    .filter((entry) => entry.index === index)
    .map((entry) => ({ ...entry, ip: addressFromBytes(entry.address) }));
}

function isSame(wanted: { address: IpAddress; subnet: Subnet }, present: PresentAddress): boolean {
  return sameAddress(wanted.address, present.ip) && wanted.subnet.prefix === present.prefixLength;
}

/** Deletes the veth ports of the bridges that are not in `keep`: interfaces of containers that nobody knows any more. */
export function removeOrphanPorts(bridges: ReadonlySet<string>, keep: ReadonlySet<string>): string[] {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  const links = listLinks(socket);
  const indexes = new Set(links.filter((link) => bridges.has(link.name)).map((link) => link.index));
  const orphans = links.filter(
    (link) => link.kind === "veth" && indexes.has(link.master) && !keep.has(link.name),
  );
  for (const orphan of orphans) {
    const batch = socket.batch();
    deleteLink(batch, orphan.index);
    try {
      socket.run(batch);
    } catch (error) {
      // It may have gone with its namespace meanwhile.
      if (!isErrno(error, "ENODEV")) throw error;
    }
  }
  return orphans.map((orphan) => orphan.name);
}

/** @throws as Docker for names that the kernel cannot have. */
export function validateBridgeName(name: string): void {
  if (name.length > INTERFACE_NAME_MAX) {
    throw systemError("failed to check bridge interface existence: numerical result out of range");
  }
  if (!/^[A-Za-z0-9_.:-]+$/.test(name) || name === "." || name === "..") {
    throw invalidParameter(`invalid bridge name ${JSON.stringify(name)}`);
  }
}

function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  try {
    return getLink(socket, name);
  } catch (error) {
    if (isErrno(error, "ENODEV")) return undefined;
    throw error;
  }
}
