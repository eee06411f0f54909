import { expect, test } from "bun:test";
import { bestPlatform, formatPlatform, type Platform, parsePlatform, platformRank } from "./platform.ts";

const host: Platform = { os: "linux", architecture: "amd64" };

test.each([
  ["linux", "linux/amd64"],
  ["arm64", "linux/arm64"],
  ["aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["linux/armhf", "linux/arm/v7"],
  ["armel", "linux/arm/v6"],
  ["Linux/AMD64", "linux/amd64"],
  ["linux/amd64/v2", "linux/amd64/v2"],
  ["macos/arm64", "darwin/arm64"],
  ["i386", "linux/386"],
  ["windows", "windows/amd64"],
])("%s is %s", (text, normal) => {
  expect(formatPlatform(parsePlatform(text, host))).toBe(normal);
});

test.each(["", "linux/", "/", "a b", "linux/arm/v7/x", "unheard-of", "linux/*", "é"])(
  "refuses %j",
  (text) => {
    expect(() => parsePlatform(text, host)).toThrow("invalid argument");
  },
);

test("an older variant serves, a newer or another does not", () => {
  const rank = (wanted: string, offered: string) =>
    platformRank(parsePlatform(wanted, host), parsePlatform(offered, host));
  expect(rank("linux/arm64", "linux/arm64/v8")).toBe(0);
  expect(rank("linux/arm/v7", "linux/arm/v6")).toBe(1);
  expect(rank("linux/arm/v6", "linux/arm/v7")).toBe(-1);
  expect(rank("linux/amd64", "linux/arm64")).toBe(-1);
  expect(rank("linux/amd64/v3", "linux/amd64")).toBe(2);
  expect(rank("linux/amd64", "linux/amd64/v3")).toBe(-1);
});

test("bestPlatform takes the closest, the first among equals", () => {
  const offers = ["linux/arm/v5", "linux/arm/v6", "linux/amd64", "linux/arm/v6"].map((text) => ({ text }));
  const pick = (wanted: string) =>
    bestPlatform(parsePlatform(wanted, host), offers, (offer) => parsePlatform(offer.text, host));
  expect(pick("linux/arm/v7")).toBe(offers[1]!);
  expect(pick("linux/amd64")).toBe(offers[2]!);
  expect(pick("linux/s390x")).toBeUndefined();
});
