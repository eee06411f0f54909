import { describe, expect, test } from "bun:test";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";

describe("a Go duration", () => {
  test.each<[string, number]>([
    ["0", 0],
    ["+0", 0],
    ["1ns", 1],
    ["1.5h", 5400e9],
    ["1h30m", 5400e9],
    [".5s", 5e8],
    ["5.s", 5e9],
    ["-2m", -120e9],
    ["3µs", 3000],
    ["3μs", 3000],
    ["1m0.000000001s", 60e9 + 1],
  ])("%s", (text, nanoseconds) => {
    expect(parseGoDuration(text)).toBe(nanoseconds);
  });

  test.each<[string, string]>([
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["s", 'time: invalid duration "s"'],
    [".s", 'time: invalid duration ".s"'],
    ["1..5s", 'time: missing unit in duration "1..5s"'],
    ["1", 'time: missing unit in duration "1"'],
    ["1m5", 'time: missing unit in duration "1m5"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1toString", 'time: unknown unit "toString" in duration "1toString"'],
    ["9999999h", 'time: invalid duration "9999999h"'],
  ])("that is none: %p", (text, sentence) => {
    expect(() => parseGoDuration(text)).toThrow(sentence);
  });

  test("with more units", () => {
    expect(parseGoDuration("1w2d", { d: 86400e9, w: 604800e9 })).toBe(777600e9);
  });

  test("is written as Go writes it, and read back", () => {
    for (const text of ["0s", "1ns", "1.5µs", "20ms", "1.5s", "1m0s", "1m30.5s", "24h0m1s", "-1m0s"]) {
      expect(formatGoDuration(parseGoDuration(text))).toBe(text);
    }
  });
});
