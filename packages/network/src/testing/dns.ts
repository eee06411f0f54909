import { TYPE, writeName } from "../dns/message.ts";

/** A query with one question; with an OPT record when `edns` gives a datagram size. */
export function makeQuery(name: string, type: number, id = 0x1234, edns = 0): Uint8Array {
  const wire = writeName(name) ?? new Uint8Array(1);
  const bytes = new Uint8Array(12 + wire.length + 4 + (edns > 0 ? 11 : 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x0100);
  view.setUint16(4, 1);
  bytes.set(wire, 12);
  view.setUint16(12 + wire.length, type);
  view.setUint16(14 + wire.length, 1);
  if (edns > 0) {
    view.setUint16(10, 1);
    view.setUint16(17 + wire.length, TYPE.OPT);
    view.setUint16(19 + wire.length, edns);
  }
  return bytes;
}
