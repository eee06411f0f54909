import { expect, test } from "bun:test";
import { decodeName, encodeName } from "./name.ts";

test("every sequence of bytes survives the way through a string", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed >> 8;
  };
  for (let round = 0; round < 5000; round++) {
    const bytes = Uint8Array.from({ length: random() % 12 }, () => random() & 0xff);
    expect(encodeName(decodeName(bytes))).toEqual(bytes);
  }
});

test("names in UTF-8 stay readable", () => {
  const text = "größe 漢字 😀 \ufeff";
  expect(decodeName(new TextEncoder().encode(text))).toBe(text);
  expect(encodeName(text)).toEqual(new TextEncoder().encode(text));
});

test("a surrogate written as UTF-8 is stray bytes, not a character", () => {
  const bytes = Uint8Array.of(0xed, 0xa0, 0x80);
  expect(decodeName(bytes)).toBe("\udced\udca0\udc80");
});
