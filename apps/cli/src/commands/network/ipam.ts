import { BlockList, isIP } from "node:net";
import type { IpamPool } from "@berth/api";
import { CommandError } from "../../errors.ts";

/** The address flags of `network create`. */
export interface IpamFlags {
  subnets: readonly string[];
  ranges: readonly string[];
  gateways: readonly string[];
  /** Name → address. */
  auxiliary: ReadonlyMap<string, string>;
}

/**
 * Puts each range, gateway and auxiliary address to the subnet that it lies in.
 * @throws CommandError in Docker's words when one lies in none, a subnet overlaps another, or has two of a kind.
 */
export function ipamPools({ subnets, ranges, gateways, auxiliary }: IpamFlags): IpamPool[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new CommandError("every ip-range or gateway must have a corresponding subnet");
  }
  const pools = new Map<string, IpamPool>();
  for (const subnet of subnets) {
    for (const other of pools.keys()) {
      if (contains(other, subnet) || contains(subnet, other)) {
        throw new CommandError("multiple overlapping subnet configuration is not supported");
      }
    }
    pools.set(subnet, { Subnet: subnet, AuxiliaryAddresses: {} });
  }
  const poolOf = (address: string) => [...pools].find(([subnet]) => contains(subnet, address))?.[1];
  for (const range of ranges) {
    const pool = poolOf(range);
    if (pool === undefined) throw new CommandError(`no matching subnet for range ${range}`);
    if (pool.IPRange) {
      throw new CommandError(
        `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    }
    pool.IPRange = range;
  }
  for (const gateway of gateways) {
    const pool = poolOf(gateway);
    if (pool === undefined) throw new CommandError(`no matching subnet for gateway ${gateway}`);
    if (pool.Gateway) {
      throw new CommandError(
        `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
      );
    }
    pool.Gateway = gateway;
  }
  for (const [name, address] of auxiliary) {
    const pool = poolOf(address);
    if (pool === undefined) throw new CommandError(`no matching subnet for aux-address ${address}`);
    pool.AuxiliaryAddresses![name] = address;
  }
  return [...pools.values()];
}

/** Whether an address, or a range's first address, lies in a subnet. @throws CommandError for what is no subnet. */
function contains(subnet: string, addressOrRange: string): boolean {
  const [base = "", bits = ""] = subnet.split("/");
  const family = isIP(base);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw new CommandError(`invalid subnet: invalid CIDR address: ${subnet}`);
  }
  const address = addressOrRange.split("/")[0]!;
  if (isIP(address) !== family) return false;
  const block = new BlockList();
  const type = family === 4 ? "ipv4" : "ipv6";
  block.addSubnet(base, Number(bits), type);
  return block.check(address, type);
}
