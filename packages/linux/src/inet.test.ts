import { expect, test } from "bun:test";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./inet.ts";

test("IPv4", () => {
  expect(formatIPv4(parseIPv4("172.17.0.255")!)).toBe("172.17.0.255");
  for (const wrong of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.-4",
    "1.2.3.4 ",
    "a.b.c.d",
    "1..2.3",
  ]) {
    expect(parseIPv4(wrong)).toBeUndefined();
  }
});

test("IPv6, its canonical text of RFC 5952", () => {
  for (const [text, canonical] of [
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["fe80::1:0:0", "fe80::1:0:0"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1::", "1::"],
  ] as const) {
    expect(formatIPv6(parseIPv6(text)!)).toBe(canonical);
  }
  for (const wrong of [
    "",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3",
    "1.2.3.4::",
    "::g",
    "1:2:3:4:5:6:7:8::",
  ]) {
    expect(parseIPv6(wrong)).toBeUndefined();
  }
});
