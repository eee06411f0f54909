import { describe, expect, test } from "bun:test";
import { isIPv6 } from "node:net";
import { FlagError, parseFlags } from "../flags/parse.ts";
import { randomFrom, randomText } from "../testing/random.ts";
import { canonicalIp, isIpAddress, isIpv6, isMacAddress } from "./addresses.ts";
import { containerRequest } from "./body.ts";
import { CONTAINER_FLAGS } from "./flags.ts";
import { parsePorts } from "./ports.ts";
import { withProxies } from "./proxy-environment.ts";

describe("addresses", () => {
  test("IP", () => {
    for (const ip of [
      "1.2.3.4",
      "0.0.0.0",
      "::",
      "::1",
      "fe80::1:2",
      "1:2:3:4:5:6:7:8",
      "::ffff:1.2.3.4",
      "64:ff9b::1.2.3.4",
    ]) {
      expect([ip, isIpAddress(ip)]).toEqual([ip, true]);
    }
    for (const ip of [
      "",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4.5",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "g::",
      "12345::",
      "::1.2.3",
      "fe80::1%eth0",
      "[::1]",
    ]) {
      expect([ip, isIpAddress(ip)]).toEqual([ip, false]);
    }
    expect(canonicalIp("0:0:0::0001")).toBe("::1");
    expect(canonicalIp("::ffff:1.2.3.4")).toBe("1.2.3.4");
  });

  test("MAC", () => {
    for (const mac of [
      "92:d0:c6:0a:29:33",
      "92-d0-c6-0a-29-33",
      "92d0.c60a.2933",
      "02:00:5e:10:00:00:00:01",
    ]) {
      expect([mac, isMacAddress(mac)]).toEqual([mac, true]);
    }
    for (const mac of ["", "zz", "92:d0:c6:0a:29", "92:d0-c6:0a:29:33", "92:d0:c6:0a:29:33:01"]) {
      expect([mac, isMacAddress(mac)]).toEqual([mac, false]);
    }
  });

  test("what counts as IPv6 is what node:net takes", () => {
    const random = randomFrom(11);
    for (let round = 0; round < 20_000; round++) {
      const text = randomText(random, [":", "::", "1", "ff", "0", "abcd", ".", "1.2.3.4", "9"], 9);
      expect([text, isIpv6(text)]).toEqual([text, isIPv6(text)]);
    }
  });
});

test("ports are bounded", () => {
  expect(Object.keys(parsePorts(["1-65535:1-65535"], []).exposed)).toHaveLength(65535);
  expect(() => parsePorts(["0-99999999999:1"], [])).toThrow("invalid hostPort");
});

test("whatever the flags say, the request is made or refused with a word", () => {
  const random = randomFrom(5);
  const names = Object.entries(CONTAINER_FLAGS)
    .filter(
      ([name, flag]) =>
        flag.alone === undefined && !name.endsWith("-file") && name !== "security-opt" && name !== "cidfile",
    )
    .map(([name]) => name);
  const pieces = [
    ":",
    "=",
    ",",
    "/",
    "-",
    ".",
    "1",
    "80",
    "a",
    "tcp",
    "/dev/x",
    "type",
    "bind",
    "source",
    '"',
    "all",
    "name",
    "::1",
    "1.2.3.4",
    "k",
    "s",
    "\0",
    "é",
    " ",
    "__proto__",
    "[",
    "]",
    "on-failure",
    "host",
  ];
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const argv = Array.from(
      { length: random(3) + 1 },
      () => `--${names[random(names.length)]}=${randomText(random, pieces, 6)}`,
    );
    try {
      containerRequest(parseFlags(CONTAINER_FLAGS, argv), "image", [], {});
    } catch (error) {
      refused++;
      if (!(error instanceof FlagError) && (error as Error).constructor !== Error) {
        throw new Error(`${JSON.stringify(argv)}: ${String(error)}`);
      }
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

test("proxies of config.json become variables, unless they are given", () => {
  const config = {
    proxies: {
      default: { httpProxy: "http://p:1", noProxy: "a,b" },
      "tcp://x": { httpProxy: "http://other" },
    },
  };
  expect(withProxies(["A=1", "A=2", "B", "http_proxy=mine"], config, "unix:///s")).toEqual([
    "A=2",
    "B",
    "http_proxy=mine",
    "HTTP_PROXY=http://p:1",
    "NO_PROXY=a,b",
    "no_proxy=a,b",
  ]);
  expect(withProxies([], config, "tcp://x")).toEqual(["HTTP_PROXY=http://other", "http_proxy=http://other"]);
  expect(withProxies(["A"], {}, "tcp://x")).toEqual(["A"]);
});
