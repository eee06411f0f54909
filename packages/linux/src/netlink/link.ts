import {
  asText,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  visitAttributes,
} from "./message.ts";
import type { NetlinkBatch, NetlinkSocket } from "./socket.ts";

// include/uapi/linux/{rtnetlink,if_link,if}.h
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_STP_STATE = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const RTEXT_FILTER_SKIP_STATS = 8;
export const IFF_UP = 0x1;
const IF_OPER_UP = 6;
const IFF_LOWER_UP = 0x10000;
/** IFNAMSIZ without the NUL. */
export const INTERFACE_NAME_MAX = 15;

export interface Link {
  index: number;
  name: string;
  up: boolean;
  /** The lower layer has carrier. */
  carrier: boolean;
  /** It has carrier and the kernel has acted on that: packets flow. (RFC 2863 operational state "up".) */
  operational: boolean;
  mtu: number;
  /** 6 bytes for Ethernet. */
  mac: Uint8Array;
  /** Index of the bridge that it is a port of; 0: none. */
  master: number;
  /** `bridge`, `veth`, …; empty for physical devices and loopback. */
  kind: string;
  /** Index of the peer or lower device; 0: none. */
  link: number;
  /** The peer is in another network namespace. */
  linkElsewhere: boolean;
}

export interface VethEnd {
  name: string;
  mac?: Uint8Array;
  mtu?: number;
}

/** struct ifinfomsg */
function linkHeader(index: number, flags = 0, change = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return bytes;
}

/** A bridge without spanning tree: its ports forward at once. */
export function addBridge(
  batch: NetlinkBatch,
  bridge: { name: string; mac?: Uint8Array; mtu?: number; up?: boolean },
): void {
  const flags = bridge.up === true ? IFF_UP : 0;
  const message = batch.begin(
    RTM_NEWLINK,
    NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    `create bridge ${bridge.name}`,
  );
  message.raw(linkHeader(0, flags, flags)).text(IFLA_IFNAME, bridge.name);
  if (bridge.mac !== undefined) message.attribute(IFLA_ADDRESS, bridge.mac);
  if (bridge.mtu !== undefined) message.u32(IFLA_MTU, bridge.mtu);
  message.nested(IFLA_LINKINFO, () => {
    message.text(IFLA_INFO_KIND, "bridge").nested(IFLA_INFO_DATA, () => {
      message.u32(IFLA_BR_FORWARD_DELAY, 0).u32(IFLA_BR_STP_STATE, 0);
    });
  });
}

/**
 * A pair of Ethernet devices: `near` in the socket's namespace (a port of bridge `master` when given), `far` in that of
 * `namespaceFd`. The far end must be set up afterwards: the kernel makes it before it is joined to the near one.
 */
export function addVeth(
  batch: NetlinkBatch,
  near: VethEnd & { master?: number; up?: boolean },
  far: VethEnd & { namespaceFd: number },
): void {
  const message = batch.begin(
    RTM_NEWLINK,
    NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    `create veth pair ${near.name} and ${far.name}`,
  );
  const describe = (end: VethEnd, flags: number) => {
    message.raw(linkHeader(0, flags, flags)).text(IFLA_IFNAME, end.name);
    if (end.mac !== undefined) message.attribute(IFLA_ADDRESS, end.mac);
    if (end.mtu !== undefined) message.u32(IFLA_MTU, end.mtu);
  };
  describe(near, near.up === true ? IFF_UP : 0);
  if (near.master !== undefined) message.u32(IFLA_MASTER, near.master);
  message.nested(IFLA_LINKINFO, () => {
    message.text(IFLA_INFO_KIND, "veth").nested(IFLA_INFO_DATA, () => {
      message.nested(VETH_INFO_PEER, () => {
        describe(far, 0);
        message.u32(IFLA_NET_NS_FD, far.namespaceFd);
      });
    });
  });
}

/** Changes what is given. `master: 0` takes the link out of its bridge. */
export function setLink(
  batch: NetlinkBatch,
  index: number,
  change: { up?: boolean; master?: number; mtu?: number; mac?: Uint8Array; name?: string },
): void {
  const message = batch.begin(RTM_SETLINK, NLM_F_ACK, `change link ${index}`);
  const flags = change.up === true ? IFF_UP : 0;
  message.raw(linkHeader(index, flags, change.up === undefined ? 0 : IFF_UP));
  if (change.master !== undefined) message.u32(IFLA_MASTER, change.master);
  if (change.mtu !== undefined) message.u32(IFLA_MTU, change.mtu);
  if (change.mac !== undefined) message.attribute(IFLA_ADDRESS, change.mac);
  if (change.name !== undefined) message.text(IFLA_IFNAME, change.name);
}

/**
 * `isolated`: the bridge port exchanges frames only with the bridge itself, not with other isolated ports. `hairpin`: the bridge
 * sends frames back where they came from.
 */
export function setBridgePort(
  batch: NetlinkBatch,
  name: string,
  change: { isolated?: boolean; hairpin?: boolean },
): void {
  const message = batch.begin(RTM_NEWLINK, NLM_F_ACK, `change bridge port ${name}`);
  message.raw(linkHeader(0)).text(IFLA_IFNAME, name);
  message.nested(IFLA_LINKINFO, () => {
    message.text(IFLA_INFO_SLAVE_KIND, "bridge").nested(IFLA_INFO_SLAVE_DATA, () => {
      if (change.hairpin !== undefined) message.u8(IFLA_BRPORT_MODE, change.hairpin ? 1 : 0);
      if (change.isolated !== undefined) message.u8(IFLA_BRPORT_ISOLATED, change.isolated ? 1 : 0);
    });
  });
}

/** Deletes a link by index, or by name; a veth's peer goes with it. */
export function deleteLink(batch: NetlinkBatch, link: number | string): void {
  const message = batch.begin(RTM_DELLINK, NLM_F_ACK, `delete link ${link}`);
  message.raw(linkHeader(typeof link === "number" ? link : 0));
  if (typeof link === "string") message.text(IFLA_IFNAME, link);
}

/** The link of an RTM_NEWLINK message; undefined for other messages and malformed ones. */
export function decodeLink(message: Message): Link | undefined {
  const { payload } = message;
  if (message.type !== RTM_NEWLINK || payload.length < 16) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = view.getUint32(8, true);
  const link: Link = {
    index: view.getInt32(4, true),
    name: "",
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    operational: false,
    mtu: 0,
    mac: new Uint8Array(),
    master: 0,
    kind: "",
    link: 0,
    linkElsewhere: false,
  };
  const u32 = (start: number, end: number) => (end - start < 4 ? 0 : view.getUint32(start, true));
  visitAttributes(payload, 16, (type, start, end) => {
    if (type === IFLA_IFNAME) link.name = asText(payload.subarray(start, end)) ?? "";
    else if (type === IFLA_OPERSTATE) link.operational = end > start && payload[start] === IF_OPER_UP;
    else if (type === IFLA_MTU) link.mtu = u32(start, end);
    else if (type === IFLA_ADDRESS) link.mac = payload.slice(start, end);
    else if (type === IFLA_MASTER) link.master = u32(start, end);
    else if (type === IFLA_LINK) link.link = u32(start, end);
    else if (type === IFLA_LINK_NETNSID) link.linkElsewhere = true;
    else if (type === IFLA_LINKINFO) {
      visitAttributes(payload.subarray(start, end), 0, (inner, from, to) => {
        if (inner === IFLA_INFO_KIND) link.kind = asText(payload.subarray(start + from, start + to)) ?? "";
      });
    }
  });
  return link;
}

/** All links of the socket's namespace. */
export function listLinks(socket: NetlinkSocket): Link[] {
  const batch = socket.batch();
  batch
    .begin(RTM_GETLINK, NLM_F_DUMP, "list links")
    .raw(linkHeader(0))
    .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return socket
    .run(batch)
    .map(decodeLink)
    .filter((link) => link !== undefined);
}

/** @throws NetlinkError `ENODEV` when there is none, `ERANGE` for a name of more than 15 bytes. */
export function getLink(socket: NetlinkSocket, name: string): Link {
  const batch = socket.batch();
  batch
    .begin(RTM_GETLINK, NLM_F_ACK, `get link ${name}`)
    .raw(linkHeader(0))
    .text(IFLA_IFNAME, name)
    .u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  for (const message of socket.run(batch)) {
    const link = decodeLink(message);
    if (link !== undefined) return link;
  }
  throw new Error(`netlink: no answer for link ${name}`);
}
