import { expect, test } from "bun:test";
import { parseGoDuration } from "@berth/spec";
import { Filters } from "./filters.ts";
import { untilFilter } from "./until.ts";

test("Go durations", () => {
  expect(parseGoDuration("1h2m3.5s")).toBe((3600 + 123.5) * 1e9);
  expect(parseGoDuration("0")).toBe(0);
  expect(parseGoDuration(".5ms")).toBe(500_000);
  expect(parseGoDuration("-1s")).toBe(-1e9);
  for (const bad of ["", "s", "1", "1x", "1s2", ".s", "1.2.3s", "--1s"])
    expect(() => parseGoDuration(bad)).toThrow("time:");
});

test("until", () => {
  const at = (text: string) => untilFilter(new Filters([["until", [text]]]), 1_000_000_000_000);
  expect(untilFilter(new Filters())).toBeUndefined();
  expect(at("1h30m")).toBe(1_000_000_000_000 - 5_400_000);
  expect(at("1700000000")).toBe(1_700_000_000_000);
  expect(at("1700000000.5")).toBe(1_700_000_000_500);
  expect(at("2023-11-14T22:13:20Z")).toBe(1_700_000_000_000);
  expect(() => at("soon")).toThrow("failed to parse value as time or duration");
  expect(() => untilFilter(new Filters([["until", ["1h", "2h"]]]))).toThrow("more than one until filter");
});
