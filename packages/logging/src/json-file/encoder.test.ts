import { describe, expect, test } from "bun:test";
import { JsonLogEncoder, PARTIAL_LIMIT } from "./encoder.ts";

const TIME = "2026-01-02T03:04:05.000000006Z";

function encode(chunks: Uint8Array[], attributes?: Record<string, string>): string {
  let out = "";
  const encoder = new JsonLogEncoder(
    "stdout",
    (buffer, length) => {
      out += Buffer.from(buffer.subarray(0, length)).toString("utf8");
    },
    attributes,
  );
  for (const chunk of chunks) encoder.write(chunk, chunk.length, TIME);
  encoder.end(TIME);
  return out;
}
const records = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { log: string; stream: string; time: string });

describe("JsonLogEncoder", () => {
  test("writes Docker's record", () => {
    expect(encode([Buffer.from("hello\n")])).toBe(`{"log":"hello\\n","stream":"stdout","time":"${TIME}"}\n`);
  });

  test("keeps a line that arrives in pieces together, and the last one without newline", () => {
    expect(
      records(encode([Buffer.from("a"), Buffer.from("b\nc"), Buffer.from("d")])).map((r) => r.log),
    ).toEqual(["ab\n", "cd"]);
  });

  test("escapes as Go does", () => {
    const text = encode([Buffer.from('"\\<>&\t\r\u0001\u2028\u2029é😀\n')]);
    expect(text).toContain('"log":"\\"\\\\\\u003c\\u003e\\u0026\\t\\r\\u0001\\u2028\\u2029é😀\\n"');
  });

  test("replaces bytes that are not UTF-8", () => {
    const text = encode([new Uint8Array([0xff, 0x61, 0xc3, 0x0a])]);
    expect(records(text)[0]?.log).toBe("\ufffda\ufffd\n");
  });

  test("splits long lines at 16 KiB", () => {
    const lengths = records(encode([Buffer.alloc(PARTIAL_LIMIT * 2 + 5, "x"), Buffer.from("\n")])).map(
      (r) => r.log.length,
    );
    expect(lengths).toEqual([PARTIAL_LIMIT, PARTIAL_LIMIT, 6]);
  });

  test("adds attributes", () => {
    expect(encode([Buffer.from("x\n")], { tag: "t" })).toContain(
      '"stream":"stdout","attrs":{"tag":"t"},"time"',
    );
  });

  test("any bytes in any pieces give the same text as one piece", () => {
    for (let round = 0; round < 200; round++) {
      const data = crypto.getRandomValues(new Uint8Array(1 + Math.floor(Math.random() * 40_000)));
      if (round % 2) for (let i = 0; i < data.length; i++) data[i] = data[i]! & 0x7f;
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < data.length; ) {
        const size = 1 + Math.floor(Math.random() * 9000);
        pieces.push(data.subarray(at, at + size));
        at += size;
      }
      const whole = encode([data]);
      expect(encode(pieces)).toBe(whole);
      if (round % 2)
        expect(
          records(whole)
            .map((r) => r.log)
            .join(""),
        ).toBe(Buffer.from(data).toString("latin1"));
    }
  });
});
