import { describe, expect, test } from "bun:test";
import { makeQuery } from "../testing/dns.ts";
import {
  canonicalName,
  matchResponse,
  parseQuery,
  type Query,
  RCODE,
  readName,
  reverseAddress,
  setId,
  TYPE,
  writeName,
  writeRefusal,
  writeResponse,
} from "./message.ts";

const parsed = (message: Uint8Array) => parseQuery(message) as Query;

describe("queries", () => {
  test("are read", () => {
    const query = parsed(makeQuery("Web.MyNet", TYPE.A));
    expect(query).toMatchObject({
      id: 0x1234,
      name: "web.mynet",
      type: 1,
      class: 1,
      datagramSize: 512,
      edns: false,
    });
    expect(parsed(makeQuery("a", TYPE.AAAA, 1, 4096))).toMatchObject({
      datagramSize: 4096,
      edns: true,
      type: 28,
    });
    expect(parsed(makeQuery("a", TYPE.A, 1, 100)).datagramSize).toBe(512);
    expect(parsed(makeQuery("", 2)).name).toBe("");
  });

  test("of other kinds are refused or passed over", () => {
    const response = makeQuery("a", TYPE.A);
    response[2]! |= 0x80;
    expect(parseQuery(response)).toBeUndefined();
    expect(parseQuery(new Uint8Array(11))).toBeUndefined();
    const update = makeQuery("a", TYPE.A);
    update[2]! |= 0x28;
    expect(parseQuery(update)).toBe(RCODE.NOTIMP);
    const two = makeQuery("a", TYPE.A);
    two[5] = 2;
    expect(parseQuery(two)).toBe(RCODE.FORMERR);
    const short = makeQuery("abc", TYPE.A);
    expect(parseQuery(short.subarray(0, short.length - 1))).toBe(RCODE.FORMERR);
    const manyRecords = makeQuery("a", TYPE.A, 1, 4096);
    manyRecords[11] = 2;
    expect(parseQuery(manyRecords)).toBe(RCODE.FORMERR);
  });

  test("with special bytes in a label cannot be taken for others", () => {
    const dotted = makeQuery("a_b.net", TYPE.A);
    dotted[14] = 0x2e;
    expect(parsed(dotted).name).toBe("a\\046b.net");
    expect(canonicalName("My Name.é")).toBe("my\\032name.\\195\\169");
  });
});

describe("names", () => {
  test("follow pointers backwards only", () => {
    const message = new Uint8Array(40);
    message.set(writeName("web.net")!, 12);
    message.set([3, 97, 112, 105, 0xc0, 16], 21);
    expect(readName(message, 21)).toEqual({ text: "api.net", end: 27 });
    message.set([0xc0, 27], 27);
    expect(readName(message, 27)).toBeUndefined();
    message.set([0xc0, 29, 0xc0, 27], 27);
    expect(readName(message, 27)).toBeUndefined();
    message.set([1, 97, 0xc0, 27], 27);
    expect(readName(message, 27)).toBeUndefined();
    message.set([0xc0, 0], 27);
    expect(readName(message, 27)).toBeUndefined();
  });

  test("are bounded", () => {
    const message = new Uint8Array(400);
    for (let at = 12; at < 390; at += 2) message.set([1, 97], at);
    expect(readName(message, 12)).toBeUndefined();
    message[200] = 0;
    expect(readName(message, 12)?.text.length).toBe(187);
    message[12] = 0x80;
    expect(readName(message, 12)).toBeUndefined();
    expect(writeName(`${"a".repeat(64)}.net`)).toBeUndefined();
    expect(writeName("a..b")).toBeUndefined();
  });

  test("of reverse lookups", () => {
    expect(reverseAddress("5.0.4.10.in-addr.arpa")).toEqual(Uint8Array.of(10, 4, 0, 5));
    expect(reverseAddress("256.0.4.10.in-addr.arpa")).toBeUndefined();
    expect(reverseAddress("0.4.10.in-addr.arpa")).toBeUndefined();
    const six = `2${".0".repeat(27)}.0.0.d.f.ip6.arpa`;
    expect(reverseAddress(six)?.[0]).toBe(0xfd);
    expect(reverseAddress(six)?.[15]).toBe(2);
    expect(reverseAddress("web")).toBeUndefined();
  });
});

describe("responses", () => {
  const addresses = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ type: TYPE.A, ttl: 600, data: Uint8Array.of(10, 0, 0, at) }));

  test("carry the question, the answers and EDNS when asked with it", () => {
    const query = makeQuery("web", TYPE.A, 7, 4096);
    const response = writeResponse(parsed(query), RCODE.NOERROR, addresses(2), 512);
    const view = new DataView(response.buffer);
    expect([
      view.getUint16(0),
      view.getUint16(2),
      view.getUint16(4),
      view.getUint16(6),
      view.getUint16(10),
    ]).toEqual([7, 0x8180, 1, 2, 1]);
    expect(readName(response, 12 + 9)).toEqual({ text: "web", end: 12 + 9 + 2 });
    expect(matchResponse(response, 7, parsed(query).question)).toBe(0);
    expect(matchResponse(response, 8, parsed(query).question)).toBeUndefined();
    expect(matchResponse(response, 7, parsed(makeQuery("wed", TYPE.A)).question)).toBeUndefined();
    expect(matchResponse(response, 7, parsed(makeQuery("WEB", TYPE.A)).question)).toBe(0);
    expect(matchResponse(query, 7, parsed(query).question)).toBeUndefined();
  });

  test("that do not fit are cut and say so", () => {
    const query = parsed(makeQuery("web", TYPE.A));
    const response = writeResponse(query, RCODE.NOERROR, addresses(100), query.datagramSize);
    expect(response.length).toBeLessThanOrEqual(512);
    expect(response[2]! & 0x02).toBe(0x02);
    expect(writeResponse(query, RCODE.NOERROR, addresses(100), 65_535)[2]! & 0x02).toBe(0);
  });

  test("refuse", () => {
    const refusal = writeRefusal(makeQuery("web", TYPE.A, 9), RCODE.FORMERR);
    expect([...refusal.subarray(0, 4)]).toEqual([0, 9, 0x81, 0x81]);
    setId(refusal, 0xabcd);
    expect([...refusal.subarray(0, 2)]).toEqual([0xab, 0xcd]);
    // A refusal without the question counts too.
    expect(matchResponse(refusal, 0xabcd, new Uint8Array(9))).toBe(RCODE.FORMERR);
  });
});

test("hostile messages neither loop nor read beyond their end", () => {
  let seed = 99;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const good = [
    makeQuery("web.net", TYPE.A, 1, 4096),
    makeQuery("5.0.4.10.in-addr.arpa", TYPE.PTR),
    writeResponse(parsed(makeQuery("web", TYPE.A)), 0, [{ type: 1, ttl: 1, data: new Uint8Array(4) }], 512),
  ];
  let queries = 0;
  for (let round = 0; round < 50_000; round++) {
    const source = good[random(good.length)]!;
    const bytes = source.slice(0, random(5) === 0 ? random(source.length) : source.length);
    for (let change = random(5); change > 0 && bytes.length > 0; change--) {
      bytes[random(bytes.length)] = [0, 1, 0x3f, 0x40, 0xc0, 0xff, random(256)][random(7)]!;
    }
    const query = parseQuery(bytes);
    for (let at = 0; at < bytes.length; at += 3) readName(bytes, at);
    if (typeof query === "object") {
      queries++;
      expect(query.name.length).toBeLessThan(1100);
      expect(writeResponse(query, 0, [], query.datagramSize).length).toBeLessThanOrEqual(512);
      reverseAddress(query.name);
    }
    matchResponse(bytes, 0x1234, bytes.subarray(12));
  }
  expect(queries).toBeGreaterThan(1000);
});
