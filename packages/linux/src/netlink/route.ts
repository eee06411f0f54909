import { familyOf } from "./address.ts";
import {
  asU32,
  type Message,
  type MessageWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  readAttributes,
} from "./message.ts";
import type { NetlinkBatch, NetlinkSocket } from "./socket.ts";

// include/uapi/linux/rtnetlink.h
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTNH_F_ONLINK = 4;

export interface Route {
  /** Network address, 4 or 16 bytes; all zero with prefix 0: the default route. */
  destination: Uint8Array;
  prefixLength: number;
  gateway?: Uint8Array;
  /** The gateway is on this link even when no address of the link covers it. */
  onLink?: boolean;
  /** Index of the device. */
  device: number;
}

/** struct rtmsg */
function routeHeader(family: number, prefixLength: number, scope: number, flags = 0): Uint8Array {
  const bytes = Uint8Array.of(
    family,
    prefixLength,
    0,
    0,
    RT_TABLE_MAIN,
    RTPROT_BOOT,
    scope,
    RTN_UNICAST,
    0,
    0,
    0,
    0,
  );
  new DataView(bytes.buffer).setUint32(8, flags, true);
  return bytes;
}

function writeRoute(message: MessageWriter, route: Route, scope: number): void {
  const flags = route.onLink === true ? RTNH_F_ONLINK : 0;
  message.raw(routeHeader(familyOf(route.destination), route.prefixLength, scope, flags));
  if (route.prefixLength > 0) message.attribute(RTA_DST, route.destination);
  if (route.gateway !== undefined) message.attribute(RTA_GATEWAY, route.gateway);
  message.u32(RTA_OIF, route.device);
}

export function addRoute(batch: NetlinkBatch, route: Route): void {
  const direct = route.gateway === undefined && route.destination.length === 4;
  const message = batch.begin(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "add route");
  writeRoute(message, route, direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
}

/** As `addRoute`; a route to this destination that is there goes. */
export function replaceRoute(batch: NetlinkBatch, route: Route): void {
  const direct = route.gateway === undefined && route.destination.length === 4;
  const message = batch.begin(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "replace route");
  writeRoute(message, route, direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
}

/** The route to this destination over this device; `gateway` may be left out. */
export function deleteRoute(batch: NetlinkBatch, route: Route): void {
  writeRoute(batch.begin(RTM_DELROUTE, NLM_F_ACK, "delete route"), route, RT_SCOPE_NOWHERE);
}

/** A unicast route of the main table; undefined for all others. Routes over several next hops have `device` 0. */
export function decodeRoute(message: Message): Route | undefined {
  const { payload } = message;
  if (message.type !== RTM_NEWROUTE || payload.length < 12) return undefined;
  const family = payload[0];
  const prefixLength = payload[1] ?? 0;
  const attributes = readAttributes(payload, 12);
  const table = asU32(attributes.get(RTA_TABLE)) ?? payload[4];
  const size = family === 2 ? 4 : family === 10 ? 16 : 0;
  if (size === 0 || table !== RT_TABLE_MAIN || payload[7] !== RTN_UNICAST || prefixLength > size * 8)
    return undefined;
  const destination = attributes.get(RTA_DST)?.slice() ?? new Uint8Array(size);
  if (destination.length !== size) return undefined;
  const gateway = attributes.get(RTA_GATEWAY)?.slice();
  const route: Route = { destination, prefixLength, device: asU32(attributes.get(RTA_OIF)) ?? 0 };
  if (gateway !== undefined && gateway.length === size) route.gateway = gateway;
  return route;
}

/** True when packets to an address stay in the socket's namespace, because an interface there has it. */
export function isLocalAddress(socket: NetlinkSocket, address: Uint8Array): boolean {
  const batch = socket.batch();
  batch
    .begin(RTM_GETROUTE, NLM_F_ACK, "get route")
    .raw(Uint8Array.of(familyOf(address), address.length * 8, ...new Uint8Array(10)))
    .attribute(RTA_DST, address);
  return socket
    .run(batch)
    .some((message) => message.type === RTM_NEWROUTE && message.payload[7] === RTN_LOCAL);
}

/** Unicast routes of the main table, both families. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  // A dump answers for one family, and a socket runs one dump at a time.
  const answers: Message[] = [];
  for (const family of [2, 10]) {
    const batch = socket.batch();
    batch.begin(RTM_GETROUTE, NLM_F_DUMP, "list routes").raw(Uint8Array.of(family, ...new Uint8Array(11)));
    answers.push(...socket.run(batch));
  }
  return answers.map(decodeRoute).filter((route) => route !== undefined);
}
