import { readFileSync } from "node:fs";
import type { AddressPool } from "../ipam/defaults.ts";

/**
 * The unique local prefix (RFC 4193, 3.2) from which a daemon's IPv6 networks are cut when nobody names one: the same at each
 * start, another on each machine and for each default bridge.
 */
export function ulaPool(bridge: string): AddressPool {
  let machine = "";
  try {
    machine = readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    // The name of the bridge alone then.
  }
  const hash = new Bun.CryptoHasher("sha256").update(`berth ${machine} ${bridge}`).digest();
  let value = 0xfdn;
  for (const byte of hash.subarray(0, 5)) value = (value << 8n) | BigInt(byte);
  return { base: { family: 6, value: value << 80n, prefix: 48 }, size: 64 };
}
