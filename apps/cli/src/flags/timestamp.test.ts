import { expect, test } from "bun:test";
import { timestamp } from "./timestamp.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

test.each([
  ["", ""],
  ["10m", "1767322445"],
  ["0s", "1767323045"],
  ["1767323045", "1767323045"],
  ["1767323045.000000005", "1767323045.000000005"],
  ["2026-01-02T03:04:05Z", "1767323045.000000000"],
  ["2026-01-02T03:04:05.25Z", "1767323045.250000000"],
  ["2026-01-02T04:04:05+01:00", "1767323045.000000000"],
  ["2026-01-02T03:04Z", "1767323040.000000000"],
])("%p is %p", (text, expected) => {
  expect(timestamp(text, NOW)).toBe(expected);
});

test("a date without a zone is in the local one", () => {
  const local = new Date(2026, 0, 2, 0, 0, 0).getTime() / 1000;
  expect(timestamp("2026-01-02")).toBe(`${local}.000000000`);
});

test.each(["yesterday", "2026-13-01", "1.2.3", "12:00"])("%p is refused", (text) => {
  expect(() => timestamp(text)).toThrow();
});
