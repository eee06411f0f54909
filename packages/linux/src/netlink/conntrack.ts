import { NLM_F_ACK } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

// include/uapi/linux/netfilter/nfnetlink_conntrack.h
const SUBSYSTEM = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
// Bits of the filter flags: net/netfilter/nf_conntrack_netlink.c
const FLAG_IP_SRC = 1 << 0;
const FLAG_PROTO_NUM = 1 << 3;
const FLAG_PROTO_DST_PORT = 1 << 5;

/**
 * Forgets tracked connections, so that the next packet meets the NAT rules of now. `toPort`: those first sent to a port of
 * `protocol` (an IP protocol number); `answeredFrom`: those that the host with this address answers.
 * @throws NetlinkError on kernels before 5.8, which cannot select.
 */
export function forgetConnections(
  socket: NetlinkSocket,
  family: number,
  which: { protocol: number; toPort: number } | { answeredFrom: Uint8Array },
): void {
  const batch = socket.batch();
  const message = batch.begin((SUBSYSTEM << 8) | IPCTNL_MSG_CT_DELETE, NLM_F_ACK, "forget connections");
  message.raw(Uint8Array.of(family, 0, 0, 0));
  if ("toPort" in which) {
    message.nested(CTA_TUPLE_ORIG, () => {
      message.nested(CTA_TUPLE_PROTO, () => {
        message
          .u8(CTA_PROTO_NUM, which.protocol)
          .attribute(CTA_PROTO_DST_PORT, Uint8Array.of(which.toPort >>> 8, which.toPort));
      });
    });
    message.nested(CTA_FILTER, () => {
      message.u32(CTA_FILTER_ORIG_FLAGS, FLAG_PROTO_NUM | FLAG_PROTO_DST_PORT).u32(CTA_FILTER_REPLY_FLAGS, 0);
    });
  } else {
    message.nested(CTA_TUPLE_REPLY, () => {
      message.nested(CTA_TUPLE_IP, () => {
        message.attribute(which.answeredFrom.length === 4 ? 1 : 3, which.answeredFrom);
      });
    });
    message.nested(CTA_FILTER, () => {
      message.u32(CTA_FILTER_ORIG_FLAGS, 0).u32(CTA_FILTER_REPLY_FLAGS, FLAG_IP_SRC);
    });
  }
  socket.run(batch);
}
