import { type MessageWriter, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, visitAttributes } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/*
 * Transactions on nf_tables without libnftables (include/uapi/linux/netfilter/nf_tables.h): for what is done at each start
 * of a container. Rules that people shall read are written as text and go through `nft.ts`.
 */
const SUBSYSTEM = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_GETGEN = 16;
const NFTA_GEN_ID = 1;
const NFTA_LIST_ELEM = 1;
const NFTA_DATA_VALUE = 1;

export const NFPROTO = { INET: 1, IPV4: 2, IPV6: 10 } as const;
export const NF_INET_LOCAL_OUT = 3;

/** An element of a set, or of a map when it has `data`. Parts of a concatenation are padded to four bytes (`concatenate`). */
export interface SetElement {
  key: Uint8Array;
  data?: Uint8Array;
}

export interface ElementChange {
  set: string;
  elements: SetElement[];
}

/** Bytes of a concatenated key or value, each part padded to a multiple of four. */
export function concatenate(...parts: Uint8Array[]): Uint8Array {
  const padded = (part: Uint8Array) => (part.length + 3) & ~3;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + padded(part), 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += padded(part);
  }
  return bytes;
}

/** Longest list of elements in one message, so that the list fits the 64 KiB of an attribute. */
const ELEMENTS_PER_MESSAGE = 256;

/**
 * Removes, then adds elements of a table's sets in one transaction: all of it or nothing happens.
 * @throws NetlinkError `ENOENT` for an element that is not there, `EEXIST` for one that is there with other data.
 */
export function changeElements(
  socket: NetlinkSocket,
  family: number,
  table: string,
  remove: readonly ElementChange[],
  add: readonly ElementChange[],
): void {
  transaction(socket, (begin) => {
    for (const [type, flags, changes] of [
      [NFT_MSG_DELSETELEM, 0, remove],
      [NFT_MSG_NEWSETELEM, NLM_F_CREATE, add],
    ] as const) {
      for (const { set, elements } of changes) {
        for (let at = 0; at < elements.length; at += ELEMENTS_PER_MESSAGE) {
          const writer = begin(type, flags, family, `change elements of ${table} ${set}`);
          writer.text(1, table).text(2, set);
          writer.nested(3, () => {
            for (const element of elements.slice(at, at + ELEMENTS_PER_MESSAGE))
              writeElement(writer, element);
          });
        }
      }
    }
  });
}

function writeElement(writer: MessageWriter, element: SetElement): void {
  writer.nested(NFTA_LIST_ELEM, () => {
    writer.nested(1, () => writer.attribute(NFTA_DATA_VALUE, element.key));
    const { data } = element;
    if (data !== undefined) writer.nested(2, () => writer.attribute(NFTA_DATA_VALUE, data));
  });
}

/**
 * A table in which what the namespace's own processes send to `address`:`port` (udp and tcp) goes to the same address at
 * `target` instead. The connection tracking turns the answers round.
 */
export function redirectLocalPort(
  socket: NetlinkSocket,
  table: string,
  address: Uint8Array,
  port: number,
  target: number,
): void {
  transaction(socket, (begin) => {
    begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO.IPV4, `create table ${table}`).text(1, table);
    const chain = begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO.IPV4, `create chain of ${table}`);
    chain.text(1, table).text(3, "output").text(7, "nat");
    chain.nested(4, () => chain.be32(1, NF_INET_LOCAL_OUT).be32(2, -100));
    const rule = begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO.IPV4, `create rule of ${table}`);
    rule.text(1, table).text(2, "output");
    const expression = (name: string, content: () => void) =>
      rule.nested(NFTA_LIST_ELEM, () => rule.text(1, name).nested(2, content));
    const register = 1;
    const value = (type: number, bytes: Uint8Array) =>
      rule.nested(type, () => rule.attribute(NFTA_DATA_VALUE, bytes));
    // Bytes of a header (`base` 1: network, 2: transport) must equal `bytes`.
    const match = (base: number, offset: number, bytes: Uint8Array) => {
      expression("payload", () => {
        rule.be32(1, register).be32(2, base).be32(3, offset).be32(4, bytes.length);
      });
      expression("cmp", () => {
        rule.be32(1, register).be32(2, 0);
        value(3, bytes);
      });
    };
    const bigEndian = (number: number) => Uint8Array.of(number >>> 8, number);
    rule.nested(4, () => {
      match(1, 16, address);
      match(2, 2, bigEndian(port));
      expression("immediate", () => {
        rule.be32(1, register);
        value(2, address);
      });
      expression("immediate", () => {
        rule.be32(1, register + 1);
        value(2, bigEndian(target));
      });
      expression("nat", () => {
        rule
          .be32(1, 1)
          .be32(2, NFPROTO.IPV4)
          .be32(3, register)
          .be32(5, register + 1);
      });
    });
  });
}

/** Number of the namespace's ruleset: another one after each change by anybody. */
export function rulesetGeneration(socket: NetlinkSocket): number {
  const batch = socket.batch();
  batch.begin((SUBSYSTEM << 8) | NFT_MSG_GETGEN, NLM_F_ACK, "get the ruleset's number").raw(header(0, 0));
  let generation = 0;
  for (const { type, payload } of socket.run(batch)) {
    if (type !== ((SUBSYSTEM << 8) | NFT_MSG_NEWGEN)) continue;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    visitAttributes(payload, 4, (attribute, start, end) => {
      if (attribute === NFTA_GEN_ID && end - start >= 4) generation = view.getUint32(start);
    });
  }
  return generation;
}

type Begin = (type: number, flags: number, family: number, purpose: string) => MessageWriter;

/** All messages that `write` begins, committed together. */
function transaction(socket: NetlinkSocket, write: (begin: Begin) => void): void {
  const batch = socket.batch();
  batch.frame = batch
    .begin(NFNL_MSG_BATCH_BEGIN, 0, "nf_tables transaction")
    .raw(header(0, SUBSYSTEM)).sequence;
  write((type, flags, family, purpose) =>
    batch.begin((SUBSYSTEM << 8) | type, flags | NLM_F_ACK, purpose).raw(header(family, 0)),
  );
  if (batch.writer.count === 1) return;
  batch.begin(NFNL_MSG_BATCH_END, 0, "nf_tables commit").raw(header(0, SUBSYSTEM));
  socket.run(batch);
}

/** struct nfgenmsg; `resource` in network order. */
function header(family: number, resource: number): Uint8Array {
  return Uint8Array.of(family, 0, resource >>> 8, resource);
}
