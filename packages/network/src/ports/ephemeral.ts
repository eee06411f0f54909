import { readFileSync } from "node:fs";

/** The ports from which the host gives random ones (`net.ipv4.ip_local_port_range`). */
export function ephemeralPorts(): { first: number; last: number } {
  try {
    const [first, last] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
      .trim()
      .split(/\s+/)
      .map(Number);
    if (first !== undefined && last !== undefined && first > 0 && last >= first && last < 65_536)
      return { first, last };
  } catch {
    // The kernel's default follows.
  }
  return { first: 32_768, last: 60_999 };
}
