import { describe, expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import { Packet, RpcStatus, type Stat } from "./common-messages.ts";
import * as control from "./control-messages.ts";
import { goMode, unixMode } from "./fsutil.ts";
import * as gateway from "./gateway-messages.ts";
import { bigint64, bool, int32, int64, map, message, nested, repeated, string } from "./protobuf.ts";

const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

describe("the wire format", () => {
  test("is that of the specification's examples", () => {
    const Test1 = message({ a: int32(1) });
    expect(hex(Test1.encode({ a: 150 }))).toBe("089601");
    const Test2 = message({ b: string(2) });
    expect(hex(Test2.encode({ b: "testing" }))).toBe("120774657374696e67");
    const Test3 = message({ c: nested(3, () => Test1) });
    expect(hex(Test3.encode({ c: { a: 150 } }))).toBe("1a03089601");
    const packed = message({ f: repeated(int32(6)) });
    expect(packed.decode(Buffer.from("3206038e029ea705", "hex")).f).toEqual([3, 270, 86942]);
    expect(packed.decode(packed.encode({ f: [3, 270, 86942] })).f).toEqual([3, 270, 86942]);
  });

  test("negative and large numbers", () => {
    const Numbers = message({ a: int32(1), b: int64(2), c: bigint64(3), d: bool(4) });
    const value = { a: -5, b: -(2 ** 40), c: 1_763_850_000_123_456_789n, d: true };
    expect(Numbers.decode(Numbers.encode(value))).toEqual(value);
    expect(hex(Numbers.encode({ a: -1 }))).toBe("08ffffffffffffffffff01");
    expect(Numbers.decode(Numbers.encode({ c: -1n })).c).toBe(-1n);
  });

  test("zero values are left out, empty messages and list items are not", () => {
    const Inner = message({ x: string(1) });
    const Outer = message({
      s: string(1),
      i: nested(2, () => Inner),
      l: repeated(string(3)),
      m: map(string(4)),
    });
    expect(hex(Outer.encode({ s: "", i: {} as never, l: [""] }))).toBe("12001a00");
    const back = Outer.decode(Outer.encode({ m: { a: "", b: "x" } }));
    expect({ ...back.m }).toEqual({ a: "", b: "x" });
    expect(back.i).toBeUndefined();
  });

  test("names such as __proto__ are only keys", () => {
    const M = message({ m: map(string(1)) });
    const value = Object.create(null);
    Object.defineProperty(value, "__proto__", { value: "x", enumerable: true });
    const back = M.decode(M.encode({ m: value }));
    expect(Object.keys(back.m)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test("unknown fields and groups are skipped", () => {
    const M = message({ a: int32(1) });
    expect(M.decode(Buffer.from("7b0801127c0801", "hex").subarray(0, 0)).a).toBe(0);
    expect(M.decode(Buffer.from(`13${"0805"}14${"0807"}`, "hex")).a).toBe(7);
  });

  test("what is cut off or too long is refused", () => {
    const M = message({ a: int32(1), s: string(2) });
    for (const broken of ["08", "0a05", "12ff01", "08ffffffffffffffffffffff01", "00", "0e", "0c"]) {
      expect(() => M.decode(Buffer.from(broken, "hex"))).toThrow(BerthError);
    }
    const Deep: ReturnType<typeof make> = make();
    function make() {
      return message({ d: nested(1, (): never => Deep as never) });
    }
    let data = new Uint8Array(0);
    for (let depth = 0; depth < 100; depth++) {
      data = Uint8Array.of(
        0x0a,
        ...(data.length < 128 ? [data.length] : [(data.length & 127) | 128, data.length >> 7]),
        ...data,
      );
    }
    expect(() => Deep.decode(data)).toThrow("nested too deeply");
  });
});

test("anything is decoded, or refused with an error of ours", () => {
  let seed = 20261122;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const good = [
    control.SolveRequest.encode({
      Ref: "r",
      FrontendAttrs: { "build-arg:x": "1" },
      Exporters: [{ Type: "image", Attrs: {} }],
    }),
    gateway.SolveRequest.encode({ Frontend: "dockerfile.v0", FrontendOpt: { a: "b" } }),
    Packet.encode({ type: 0, stat: { path: "a/b", mode: goMode(0o40755), modTime: 5n } as Stat }),
    RpcStatus.encode({ code: 2, message: "x" }),
  ];
  for (let round = 0; round < 4000; round++) {
    const data = Uint8Array.from(good[round % good.length] as Uint8Array);
    for (let n = 0; n < 1 + random() * 4; n++)
      data[Math.floor(random() * data.length)] = Math.floor(random() * 256);
    const cut = data.subarray(0, random() < 0.3 ? Math.floor(random() * data.length) : data.length);
    for (const type of [control.SolveRequest, gateway.SolveRequest, Packet, control.StatusResponse]) {
      try {
        type.decode(cut);
      } catch (error) {
        expect(error).toBeInstanceOf(BerthError);
      }
    }
  }
});

test("Go's file modes and Linux's", () => {
  for (const mode of [
    0o100644, 0o40755, 0o120777, 0o104755, 0o41777, 0o10600, 0o20666, 0o60660, 0o140777, 0o102755,
  ]) {
    expect(unixMode(goMode(mode)).toString(8)).toBe(mode.toString(8));
  }
  expect(goMode(0o40755)).toBe(0x800001ed);
});
