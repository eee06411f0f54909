import { addressBytes, type IpAddress } from "./ip.ts";

/** Six bytes of `02:42:ac:11:00:02` (also with `-`); undefined when malformed. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Docker's address of an endpoint: 02:42 and the IPv4 address, so that a reused IP keeps its neighbours' entries right. */
export function macOfAddress(address: IpAddress): string {
  return formatMac(Uint8Array.of(0x02, 0x42, ...addressBytes(address).slice(-4)));
}
