import { describe, expect, test } from "bun:test";
import { type ErrorKind, isKind } from "@berth/base";
import {
  formatAddress,
  formatSubnet,
  overlaps,
  parseAddress,
  parseCidr,
  type Subnet,
} from "../address/ip.ts";
import { macOfAddress, parseMac } from "../address/mac.ts";
import { defaultPools, networksOf, parseAddressPool } from "./defaults.ts";
import { Ipam, type PoolRequest } from "./ipam.ts";

const any: PoolRequest = { subnet: "", range: "", gateway: "", auxiliary: {} };
const subnet = (text: string): Subnet => parseCidr(text)!.subnet;
const ipam = (...routes: string[]) => new Ipam(defaultPools(), () => routes.map(subnet));

function failure(action: () => unknown): [ErrorKind | undefined, string] {
  try {
    action();
  } catch (error) {
    const kinds: ErrorKind[] = ["invalid-parameter", "forbidden", "conflict", "not-found", "system"];
    return [kinds.find((kind) => isKind(error, kind)), (error as Error).message];
  }
  throw new Error("it did not fail");
}

describe("addresses", () => {
  test("are read and written", () => {
    for (const text of ["0.0.0.0", "172.17.0.2", "255.255.255.255", "::", "fd00::2", "2001:db8::1:0:0:1"]) {
      expect(formatAddress(parseAddress(text)!)).toBe(text);
    }
    for (const text of ["", "1.2.3", "1.2.3.256", "01.2.3.4", "1::2::3", "fe80::1%eth0", "x"]) {
      expect(parseAddress(text)).toBeUndefined();
    }
    expect(formatSubnet(subnet("10.1.0.5/16"))).toBe("10.1.0.0/16");
    for (const text of ["10.1.0.0", "10.1.0.0/33", "fd00::/129", "10.1.0.0/-1", "10.1.0.0/08"]) {
      expect(parseCidr(text)).toBeUndefined();
    }
    expect(overlaps(subnet("10.0.0.0/8"), subnet("10.255.0.0/16"))).toBe(true);
    expect(overlaps(subnet("10.0.0.0/16"), subnet("10.1.0.0/16"))).toBe(false);
    expect(overlaps(subnet("0.0.0.0/0"), subnet("::/0"))).toBe(false);
  });

  test("give Docker's link addresses", () => {
    expect(macOfAddress(parseAddress("172.17.0.2")!)).toBe("02:42:ac:11:00:02");
    expect(parseMac("02-42-AC-11-00-02")).toEqual(Uint8Array.of(2, 0x42, 0xac, 0x11, 0, 2));
    expect(parseMac("02:42:ac:11:00")).toBeUndefined();
  });
});

describe("default pools", () => {
  test("are Docker's", () => {
    const all = defaultPools().flatMap((pool) => [...networksOf(pool)].map(formatSubnet));
    expect(all).toHaveLength(31);
    expect([all[0], all[14], all[15], all[16], all[30]]).toEqual([
      "172.17.0.0/16",
      "172.31.0.0/16",
      "192.168.0.0/20",
      "192.168.16.0/20",
      "192.168.240.0/20",
    ]);
  });

  test("of the flag", () => {
    const pool = parseAddressPool("base=10.10.0.0/16,size=24");
    expect([...networksOf(pool)].length).toBe(256);
    expect([...networksOf(pool, 2)].map(formatSubnet)).toEqual(["10.10.0.0/24", "10.10.1.0/24"]);
    expect(parseAddressPool("size=64, base=fd00::/48").base.family).toBe(6);
    for (const text of [
      "base=10.0.0.0/16",
      "base=x,size=24",
      "base=10.0.0.0/16,size=8",
      "base=10.0.0.0/16,size=33",
      "size=24",
      "foo",
      "base=10.0.0.0/8,size=16,x=1",
    ]) {
      expect(failure(() => parseAddressPool(text))[0]).toBe("invalid-parameter");
    }
  });

  test("avoid each other, named subnets and the host's routes, and run out", () => {
    const all = ipam("172.18.0.0/15", "192.168.0.0/16", "0.0.0.0/0");
    all.addPool("named", 4, { ...any, subnet: "172.20.5.0/24" });
    const chosen: string[] = [];
    for (let number = 0; number < 12; number++) chosen.push(all.addPool(`n${number}`, 4, any).subnet);
    expect(chosen.slice(0, 3)).toEqual(["172.17.0.0/16", "172.21.0.0/16", "172.22.0.0/16"]);
    expect(failure(() => all.addPool("last", 4, any))).toEqual([
      "not-found",
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
    ]);
    all.removeNetwork("n1");
    expect(all.addPool("again", 4, any).subnet).toBe("172.21.0.0/16");
  });
});

describe("pools", () => {
  test("of one network", () => {
    expect(ipam().addPool("n", 4, { ...any, subnet: "10.4.0.0/16" })).toEqual({
      subnet: "10.4.0.0/16",
      range: "",
      gateway: "10.4.0.1",
      auxiliary: [],
    });
    // As Docker does: the gateway is the first address of the range.
    expect(ipam().addPool("n", 4, { ...any, subnet: "10.4.0.0/16", range: "10.4.5.0/24" }).gateway).toBe(
      "10.4.5.0",
    );
    expect(ipam().addPool("n", 4, { ...any, subnet: "10.4.0.0/16", gateway: "10.4.0.254" }).gateway).toBe(
      "10.4.0.254",
    );
    const auxiliary = { a: "10.4.0.1", b: "10.4.0.3" };
    expect(ipam().addPool("n", 4, { ...any, subnet: "10.4.0.0/16", auxiliary })).toMatchObject({
      gateway: "10.4.0.2",
      auxiliary: ["10.4.0.1", "10.4.0.3"],
    });
    expect(ipam().addPool("n", 6, { ...any, subnet: "fd00:9::/64" }).gateway).toBe("fd00:9::1");
  });

  test("that cannot be", () => {
    const of = (request: Partial<PoolRequest>) =>
      failure(() => ipam().addPool("n", 4, { ...any, ...request }));
    expect(of({ subnet: "10.2.0.0/33" })).toEqual([
      "invalid-parameter",
      "Invalid subnet 10.2.0.0/33 : invalid CIDR address: 10.2.0.0/33",
    ]);
    expect(of({ subnet: "10.6.0.0/31" })[1]).toBe(
      "failed to allocate gateway (): No available addresses on this pool",
    );
    expect(of({ subnet: "10.7.0.0/32" })[1]).toBe(
      "failed to allocate gateway (): No available addresses on this pool",
    );
    expect(of({ subnet: "10.8.0.0/16", gateway: "10.9.0.1" })[1]).toBe(
      "failed to allocate gateway (10.9.0.1): Requested address is out of range",
    );
    expect(of({ subnet: "10.8.0.0/16", gateway: "foo" })[1]).toBe(
      "invalid gateway address foo in Ipam configuration",
    );
    expect(of({ subnet: "10.8.0.0/16", range: "10.9.0.0/24" })[1]).toContain("Invalid Address SubPool");
    expect(of({ subnet: "10.8.0.0/16", range: "10.0.0.0/8" })[1]).toContain("Invalid Address SubPool");
    expect(of({ subnet: "10.8.0.0/16", gateway: "10.8.0.1", auxiliary: { a: "10.8.0.1" } })[1]).toBe(
      "failed to allocate secondary ip address (a:10.8.0.1): Address already in use",
    );
    expect(of({ subnet: "10.8.0.0/16", auxiliary: { a: "10.9.0.1" } })[1]).toBe(
      "auxiliary address: (a:10.9.0.1) must belong to the master pool: 10.8.0.0/16",
    );
    const taken = ipam();
    taken.addPool("first", 4, { ...any, subnet: "10.4.0.0/16" });
    for (const each of ["10.4.0.0/16", "10.4.7.0/24", "10.0.0.0/8"]) {
      expect(failure(() => taken.addPool("second", 4, { ...any, subnet: each }))).toEqual([
        "forbidden",
        "Pool overlaps with other one on this address space",
      ]);
    }
  });
});

describe("addresses of endpoints", () => {
  const network = { id: "0123", name: "n" };
  test("are the lowest that are free", () => {
    const all = ipam();
    all.addPool(network.id, 4, { ...any, subnet: "10.4.0.0/29", auxiliary: { a: "10.4.0.3" } });
    const next = () => all.allocate(network, 4, "").address;
    expect([next(), next(), next(), next()]).toEqual(["10.4.0.2", "10.4.0.4", "10.4.0.5", "10.4.0.6"]);
    expect(failure(next)).toEqual([
      "system",
      "no available IPv4 addresses on this network's address pools: n (0123)",
    ]);
    all.release(network.id, "10.4.0.4");
    // Those of the network itself are never given.
    for (const text of ["10.4.0.0", "10.4.0.7", "10.9.9.9", ""]) all.release(network.id, text);
    expect(next()).toBe("10.4.0.4");
    expect(failure(next)[0]).toBe("system");
  });

  test("come from the range, but may be asked from the whole subnet", () => {
    const all = ipam();
    all.addPool(network.id, 4, {
      ...any,
      subnet: "10.4.0.0/16",
      range: "10.4.5.0/30",
      gateway: "10.4.0.254",
    });
    expect(all.allocate(network, 4, "")).toEqual({ address: "10.4.5.0", prefix: 16 });
    expect(all.allocate(network, 4, "10.4.9.9")).toEqual({ address: "10.4.9.9", prefix: 16 });
    expect(failure(() => all.allocate(network, 4, "10.4.9.9"))).toEqual([
      "forbidden",
      "Address already in use",
    ]);
    expect(failure(() => all.allocate(network, 4, "10.4.0.254"))[1]).toBe("Address already in use");
    expect(failure(() => all.allocate(network, 4, "10.5.0.1"))).toEqual([
      "invalid-parameter",
      "Invalid address 10.5.0.1: It does not belong to any of this network's subnets",
    ]);
    expect(failure(() => all.allocate(network, 4, "fd00::1"))[0]).toBe("invalid-parameter");
    expect(failure(() => all.allocate(network, 6, ""))[1]).toContain("no available IPv6 addresses");
  });

  test("of IPv6, and after a restart", () => {
    const all = ipam();
    all.restorePool(network.id, {
      subnet: "fd00::/64",
      range: "",
      gateway: "fd00::1",
      auxiliary: ["fd00::2"],
    });
    all.restore(network.id, "fd00::3");
    expect(all.allocate(network, 6, "")).toEqual({ address: "fd00::4", prefix: 64 });
    expect(
      failure(() =>
        all.restorePool("other", { subnet: "fd00::/32", range: "", gateway: "fd00::9", auxiliary: [] }),
      )[0],
    ).toBe("forbidden");
  });
});
