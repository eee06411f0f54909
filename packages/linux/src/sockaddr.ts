import { Errno, SyscallError } from "./errno.ts";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./inet.ts";
import type { Memory } from "./libc.ts";
import { decodeName, encodeName } from "./name.ts";

/** Address families. */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;

/** `path` of a unix socket: `""` is unnamed, one that begins with NUL is abstract. */
export type SocketAddress =
  | { family: "unix"; path: string }
  | { family: "inet"; address: string; port: number }
  | { family: "inet6"; address: string; port: number; scope?: number }
  | { family: "netlink"; port: number; groups: number }
  | { family: "other"; number: number };

/** Room for any address (`sizeof(struct sockaddr_storage)`). */
export const ADDRESS_SIZE = 128;
const UNIX_PATH_MAX = 108;

/** Writes the kernel's form of `address` at the start of `target`; its length. @throws SyscallError EINVAL, ENAMETOOLONG */
export function encodeAddress(address: SocketAddress, target: Memory, syscall: string): number {
  const { bytes, view } = target;
  switch (address.family) {
    case "unix": {
      const path = encodeName(address.path);
      const abstract = path[0] === 0;
      if (path.length > UNIX_PATH_MAX - (abstract ? 0 : 1)) {
        throw new SyscallError(syscall, Errno.ENAMETOOLONG, address.path);
      }
      if (!abstract && path.includes(0)) throw new SyscallError(syscall, Errno.EINVAL, address.path);
      target.setU16(0, AF.UNIX);
      bytes.set(path, 2);
      if (path.length === 0 || abstract) return 2 + path.length;
      bytes[2 + path.length] = 0;
      return 3 + path.length;
    }
    case "inet": {
      const four = parseIPv4(address.address);
      if (four === undefined) throw new SyscallError(syscall, Errno.EINVAL, address.address);
      target.setU16(0, AF.INET);
      view.setUint16(2, address.port);
      bytes.set(four, 4);
      bytes.fill(0, 8, 16);
      return 16;
    }
    case "inet6": {
      const sixteen = parseIPv6(address.address);
      if (sixteen === undefined) throw new SyscallError(syscall, Errno.EINVAL, address.address);
      target.setU16(0, AF.INET6);
      view.setUint16(2, address.port);
      target.setU32(4, 0);
      bytes.set(sixteen, 8);
      target.setU32(24, address.scope ?? 0);
      return 28;
    }
    case "netlink":
      target.setU16(0, AF.NETLINK);
      target.setU16(2, 0);
      target.setU32(4, address.port);
      target.setU32(8, address.groups);
      return 12;
    case "other":
      throw new SyscallError(syscall, Errno.EAFNOSUPPORT);
  }
}

/** The address that the kernel wrote at the start of `source`, `length` bytes long. */
export function decodeAddress(source: Memory, length: number): SocketAddress {
  const { bytes, view } = source;
  if (length < 2) return { family: "unix", path: "" };
  const family = source.getU16(0);
  if (family === AF.UNIX) {
    let end = Math.min(length, ADDRESS_SIZE);
    if (bytes[2] !== 0) {
      const nul = bytes.indexOf(0, 2);
      if (nul >= 0 && nul < end) end = nul;
    }
    return { family: "unix", path: decodeName(bytes.subarray(2, end)) };
  }
  if (family === AF.INET && length >= 8) {
    return { family: "inet", address: formatIPv4(bytes, 4), port: view.getUint16(2) };
  }
  if (family === AF.INET6 && length >= 24) {
    const scope = length >= 28 ? source.getU32(24) : 0;
    const address = { family: "inet6" as const, address: formatIPv6(bytes, 8), port: view.getUint16(2) };
    return scope === 0 ? address : { ...address, scope };
  }
  if (family === AF.NETLINK && length >= 12) {
    return { family: "netlink", port: source.getU32(4), groups: source.getU32(8) };
  }
  return { family: "other", number: family };
}
