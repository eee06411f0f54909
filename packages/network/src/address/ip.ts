import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "@berth/linux";

/** IP addresses as numbers, so that ranges can be counted through. Pure. */
export interface IpAddress {
  family: 4 | 6;
  value: bigint;
}

/** A network: `value` is its first address. */
export interface Subnet extends IpAddress {
  prefix: number;
}

const WIDTH = { 4: 32, 6: 128 } as const;

function fromBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** 4 or 16 bytes, in network order. */
export function addressBytes({ family, value }: IpAddress): Uint8Array {
  const bytes = new Uint8Array(WIDTH[family] / 8);
  let rest = value;
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** IPv4 in dotted decimal or IPv6 without zone; undefined for anything else. */
export function parseAddress(text: string): IpAddress | undefined {
  const four = parseIPv4(text);
  if (four !== undefined) return { family: 4, value: fromBytes(four) };
  const six = parseIPv6(text);
  return six === undefined ? undefined : { family: 6, value: fromBytes(six) };
}

/** `address` from the kernel's 4 or 16 bytes. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  return { family: bytes.length === 4 ? 4 : 6, value: fromBytes(bytes) };
}

export function formatAddress(address: IpAddress): string {
  const bytes = addressBytes(address);
  return address.family === 4 ? formatIPv4(bytes) : formatIPv6(bytes);
}

/** `10.1.0.5/16`: the address as written and the network that it lies in; undefined when malformed. */
export function parseCidr(text: string): { address: IpAddress; subnet: Subnet } | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const prefix = Number(digits);
  if (prefix > WIDTH[address.family]) return undefined;
  return { address, subnet: subnetOf(address, prefix) };
}

/** The network of `prefix` bits around an address. */
export function subnetOf(address: IpAddress, prefix: number): Subnet {
  const hostBits = BigInt(WIDTH[address.family] - prefix);
  return { family: address.family, value: (address.value >> hostBits) << hostBits, prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet)}/${subnet.prefix}`;
}

/** How many addresses a network holds. */
export function sizeOf(subnet: Subnet): bigint {
  return 1n << BigInt(WIDTH[subnet.family] - subnet.prefix);
}

export function lastAddress(subnet: Subnet): IpAddress {
  return { family: subnet.family, value: subnet.value + sizeOf(subnet) - 1n };
}

export function contains(subnet: Subnet, address: IpAddress): boolean {
  return (
    subnet.family === address.family &&
    address.value >= subnet.value &&
    address.value < subnet.value + sizeOf(subnet)
  );
}

/** True when one lies within the other. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  return contains(a, b) || contains(b, a);
}

export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback({ family, value }: IpAddress): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

/** 169.254.0.0/16 or fe80::/10. */
export function isLinkLocal({ family, value }: IpAddress): boolean {
  return family === 6 ? value >> 118n === 0x3fan : value >> 16n === 0xa9fen;
}
