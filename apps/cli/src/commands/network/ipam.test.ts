import { expect, test } from "bun:test";
import { type IpamFlags, ipamPools } from "./ipam.ts";

const flags = (some: Partial<IpamFlags>): IpamFlags => ({
  subnets: [],
  ranges: [],
  gateways: [],
  auxiliary: new Map(),
  ...some,
});

test("each address goes to the subnet that it lies in", () => {
  const pools = ipamPools(
    flags({
      subnets: ["10.1.0.0/16", "fd00:1::/64"],
      ranges: ["10.1.5.0/24"],
      gateways: ["fd00:1::1", "10.1.0.9"],
      auxiliary: new Map([["router", "10.1.0.2"]]),
    }),
  );
  expect(pools).toEqual([
    {
      Subnet: "10.1.0.0/16",
      IPRange: "10.1.5.0/24",
      Gateway: "10.1.0.9",
      AuxiliaryAddresses: { router: "10.1.0.2" },
    },
    { Subnet: "fd00:1::/64", Gateway: "fd00:1::1", AuxiliaryAddresses: {} },
  ]);
});

// Sentences of Docker's command line 28.2.2.
test.each([
  [{ ranges: ["10.1.0.0/24"] }, "every ip-range or gateway must have a corresponding subnet"],
  [{ subnets: ["10.1.0.0/24"], gateways: ["10.2.0.1"] }, "no matching subnet for gateway 10.2.0.1"],
  [{ subnets: ["10.1.0.0/24"], gateways: ["x"] }, "no matching subnet for gateway x"],
  [{ auxiliary: new Map([["a", "10.5.0.1"]]) }, "no matching subnet for aux-address 10.5.0.1"],
  [{ subnets: ["10.1.0.0/24", "10.1.0.0/25"] }, "multiple overlapping subnet configuration is not supported"],
  [{ subnets: ["foo", "10.1.0.0/25"] }, "invalid subnet: invalid CIDR address: foo"],
] as const)("%j is refused", (some, message) => {
  expect(() => ipamPools(flags(some as Partial<IpamFlags>))).toThrow(message);
});

test("two gateways of one subnet are refused", () => {
  const asked = flags({ subnets: ["10.1.0.0/24", "10.2.0.0/24"], gateways: ["10.1.0.1", "10.1.0.2"] });
  expect(() => ipamPools(asked)).toThrow("cannot configure multiple gateways (10.1.0.2, 10.1.0.1)");
});
