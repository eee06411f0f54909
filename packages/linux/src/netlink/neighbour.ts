import { familyOf } from "./address.ts";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkBatch } from "./socket.ts";

// include/uapi/linux/{rtnetlink,neighbour}.h
const RTM_NEWNEIGH = 28;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NUD_STALE = 0x04;

/** Sets the link address that an address is reached at over a device; it is used at once, and checked with use. */
export function setNeighbour(
  batch: NetlinkBatch,
  device: number,
  address: Uint8Array,
  mac: Uint8Array,
): void {
  // struct ndmsg
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  header[0] = familyOf(address);
  view.setInt32(4, device, true);
  view.setUint16(8, NUD_STALE, true);
  batch
    .begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "set neighbour")
    .raw(header)
    .attribute(NDA_DST, address)
    .attribute(NDA_LLADDR, mac);
}
