import {
  asU32,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  readAttributes,
} from "./message.ts";
import type { NetlinkBatch, NetlinkSocket } from "./socket.ts";

// include/uapi/linux/{rtnetlink,if_addr}.h
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;

/** Address family of 4 or 16 address bytes. @throws RangeError for other lengths. */
export function familyOf(address: Uint8Array): number {
  if (address.length === 4) return 2;
  if (address.length === 16) return 10;
  throw new RangeError(`netlink: an address of ${address.length} bytes`);
}

export interface InterfaceAddress {
  index: number;
  /** 4 or 16 bytes. */
  address: Uint8Array;
  prefixLength: number;
}

/** struct ifaddrmsg */
function addressHeader(family: number, prefixLength: number, index: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setUint8(1, prefixLength);
  view.setUint32(4, index, true);
  return bytes;
}

/** IPv6 addresses are usable at once: duplicate address detection, which takes a second, is left out. */
export function addAddress(batch: NetlinkBatch, entry: InterfaceAddress): void {
  const { address, prefixLength, index } = entry;
  const message = batch.begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "add address");
  message
    .raw(addressHeader(familyOf(address), prefixLength, index))
    .attribute(IFA_LOCAL, address)
    .attribute(IFA_ADDRESS, address);
  if (address.length === 16) message.u32(IFA_FLAGS, IFA_F_NODAD);
  else if (prefixLength < 31) message.attribute(IFA_BROADCAST, broadcastOf(address, prefixLength));
}

export function deleteAddress(batch: NetlinkBatch, entry: InterfaceAddress): void {
  batch
    .begin(RTM_DELADDR, NLM_F_ACK, "delete address")
    .raw(addressHeader(familyOf(entry.address), entry.prefixLength, entry.index))
    .attribute(IFA_LOCAL, entry.address)
    .attribute(IFA_ADDRESS, entry.address);
}

function broadcastOf(address: Uint8Array, prefixLength: number): Uint8Array {
  return address.map((byte, at) => byte | (0xff >>> Math.min(8, Math.max(0, prefixLength - at * 8))));
}

export function decodeInterfaceAddress(message: Message): InterfaceAddress | undefined {
  const { payload } = message;
  if (message.type !== RTM_NEWADDR || payload.length < 8) return undefined;
  const attributes = readAttributes(payload, 8);
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (address === undefined || (address.length !== 4 && address.length !== 16)) return undefined;
  const prefixLength = payload[1] ?? 0;
  const index = asU32(payload.subarray(4));
  if (index === undefined || prefixLength > address.length * 8) return undefined;
  return { index, address: address.slice(), prefixLength };
}

/** All addresses of the socket's namespace. */
export function listAddresses(socket: NetlinkSocket): InterfaceAddress[] {
  const batch = socket.batch();
  batch.begin(RTM_GETADDR, NLM_F_DUMP, "list addresses").raw(addressHeader(0, 0, 0));
  return socket
    .run(batch)
    .map(decodeInterfaceAddress)
    .filter((entry) => entry !== undefined);
}
