import { expect, test } from "bun:test";
import { decodeInterfaceAddress } from "./address.ts";
import { decodeLink } from "./link.ts";
import {
  asText,
  asU32,
  eachAttribute,
  MessageWriter,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  readAttributes,
  readMessages,
  readOutcome,
} from "./message.ts";
import { concatenate } from "./nftables.ts";
import { decodeRoute } from "./route.ts";

test("messages and attributes come back as they were written", () => {
  const writer = new MessageWriter();
  writer
    .begin(16, 5, 7)
    .raw(Uint8Array.of(1, 2, 3, 4))
    .text(3, "eth0")
    .u32(4, 1500);
  writer.nested(18, () => {
    writer.text(1, "veth").nested(2, () => writer.u8(1, 255).be32(2, 0x01020304).be64(3, 5));
  });
  writer.begin(17, 1, 8).attribute(1, new Uint8Array());
  const [first, second, ...rest] = [...readMessages(writer.finish())];
  expect(rest).toEqual([]);
  expect([first?.type, first?.flags, first?.sequence]).toEqual([16, 5, 7]);
  const attributes = readAttributes(first!.payload, 4);
  expect(asText(attributes.get(3))).toBe("eth0");
  expect(asU32(attributes.get(4))).toBe(1500);
  const info = readAttributes(attributes.get(18)!);
  expect(asText(info.get(1))).toBe("veth");
  const data = readAttributes(info.get(2)!);
  expect([...data.get(1)!]).toEqual([255]);
  expect([...data.get(2)!]).toEqual([1, 2, 3, 4]);
  expect([...data.get(3)!]).toEqual([0, 0, 0, 0, 0, 0, 0, 5]);
  expect(second?.sequence).toBe(8);
  expect([...eachAttribute(second!.payload)].map(([type, value]) => [type, value.length])).toEqual([[1, 0]]);
});

test("the buffer grows between any two parts of a message", () => {
  const writer = new MessageWriter();
  for (let count = 0; count < 500; count++) writer.begin(count, 0, count).raw(new Uint8Array(16).fill(count));
  const payloads = [...readMessages(writer.finish())].map(({ type, payload }) => [type & 0xff, payload[15]]);
  expect(payloads).toEqual(Array.from({ length: 500 }, (_, count) => [count & 0xff, count & 0xff]));
});

test("the buffer grows, and what does not fit an attribute is refused", () => {
  const writer = new MessageWriter();
  writer.begin(1, 0, 1).attribute(1, new Uint8Array(60_000).fill(7)).attribute(2, new Uint8Array(60_000));
  expect([...readMessages(writer.finish())][0]?.payload.length).toBe(2 * 60_004);
  expect(() => new MessageWriter().begin(1, 0, 1).attribute(1, new Uint8Array(65_532))).toThrow(RangeError);
  expect(() => new MessageWriter().begin(1, 0, 1).text(1, "a\0b")).toThrow(RangeError);
});

test("the parts of a concatenation are padded to four bytes", () => {
  expect([...concatenate(Uint8Array.of(6), Uint8Array.of(0, 80), Uint8Array.of(1, 2, 3, 4))]).toEqual([
    6, 0, 0, 0, 0, 80, 0, 0, 1, 2, 3, 4,
  ]);
});

test("an outcome carries the kernel's explanation", () => {
  const writer = new MessageWriter();
  writer.begin(2, NLM_F_ACK_TLVS | NLM_F_CAPPED, 1);
  writer
    .raw(Uint8Array.of(0xea, 0xff, 0xff, 0xff))
    .raw(new Uint8Array(16))
    .text(1, "because");
  const [message] = [...readMessages(writer.finish())];
  expect(readOutcome(message!)).toEqual({ errno: 22, explanation: "because" });
});

test("hostile datagrams neither loop nor read beyond their end", () => {
  let seed = 12345;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const writer = new MessageWriter();
  writer
    .begin(16, 0, 1)
    .raw(new Uint8Array(16))
    .text(3, "eth0")
    .nested(18, () => writer.text(1, "veth"));
  writer.begin(20, 0, 2).raw(new Uint8Array(8)).attribute(2, new Uint8Array(4));
  writer
    .begin(24, 0, 3)
    .raw(Uint8Array.of(2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0))
    .attribute(5, new Uint8Array(4));
  writer.begin(2, NLM_F_ACK_TLVS, 4).raw(new Uint8Array(20)).text(1, "x");
  const good = writer.finish().slice();
  let decoded = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = good.slice(0, random(8) === 0 ? random(good.length) : good.length);
    for (let change = random(6); change > 0 && bytes.length > 0; change--) {
      bytes[random(bytes.length)] = [0, 1, 3, 4, 15, 16, 255, random(256)][random(8)]!;
    }
    let count = 0;
    for (const message of readMessages(bytes)) {
      expect(++count).toBeLessThanOrEqual(bytes.length / 16);
      decodeLink(message);
      decodeInterfaceAddress(message);
      decodeRoute(message);
      expect(readOutcome(message).errno).toBeNumber();
      for (const offset of [0, 4, 8, 16]) {
        for (const [, value] of eachAttribute(message.payload, offset)) readAttributes(value);
      }
      decoded++;
    }
  }
  expect(decoded).toBeGreaterThan(20_000);
});
