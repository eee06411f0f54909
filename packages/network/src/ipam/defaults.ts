import { invalidParameter } from "@berth/base";
import { type IpAddress, parseCidr, type Subnet, subnetOf } from "../address/ip.ts";

/** A block from which networks of `size` prefix bits are cut. */
export interface AddressPool {
  base: Subnet;
  size: number;
}

/** What dockerd uses when it is not told: 172.17.0.0/16 to 172.31.0.0/16, then sixteen /20 of 192.168.0.0/16. */
export function defaultPools(): AddressPool[] {
  const pools: AddressPool[] = [];
  for (let second = 17; second <= 31; second++) {
    pools.push({ base: { family: 4, value: (172n << 24n) | (BigInt(second) << 16n), prefix: 16 }, size: 16 });
  }
  pools.push({ base: { family: 4, value: (192n << 24n) | (168n << 16n), prefix: 16 }, size: 20 });
  return pools;
}

/**
 * dockerd's `--default-address-pool base=10.10.0.0/16,size=24`.
 * @throws invalid-parameter with dockerd's sentence.
 */
export function parseAddressPool(text: string): AddressPool {
  const fields = new Map<string, string>();
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const key = part
      .slice(0, at < 0 ? undefined : at)
      .trim()
      .toLowerCase();
    if (at < 0) throw invalidParameter(`invalid field '${part}' must be a key=value pair`);
    if (key !== "base" && key !== "size") {
      throw invalidParameter(`unexpected key '${key}' in '${part}'`);
    }
    fields.set(key, part.slice(at + 1).trim());
  }
  const sizeText = fields.get("size") ?? "";
  if (!/^\d{1,3}$/.test(sizeText)) throw invalidParameter(`invalid size value: ${sizeText}`);
  return makePool(fields.get("base") ?? "", Number(sizeText));
}

/** @throws invalid-parameter for a base that is no network or a size that does not fit in it. */
export function makePool(base: string, size: number): AddressPool {
  const parsed = parseCidr(base);
  if (parsed === undefined)
    throw invalidParameter(`invalid base pool "${base}": invalid CIDR address: ${base}`);
  const { subnet } = parsed;
  if (!Number.isInteger(size) || size < subnet.prefix || size > (subnet.family === 4 ? 32 : 128)) {
    throw invalidParameter(`invalid pools size: ${size}`);
  }
  return { base: subnet, size };
}

/** The networks of a pool, in order; at most `limit`. */
export function* networksOf(pool: AddressPool, limit = 65_536): Generator<Subnet> {
  const { base, size } = pool;
  const width = base.family === 4 ? 32 : 128;
  const step = 1n << BigInt(width - size);
  const count = Math.min(limit, 2 ** Math.min(30, size - base.prefix));
  for (let index = 0n; index < BigInt(count); index++) {
    const address: IpAddress = { family: base.family, value: base.value + index * step };
    yield subnetOf(address, size);
  }
}
