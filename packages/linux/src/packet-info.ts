import { Errno, failure } from "./errno.ts";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./inet.ts";
import { WOULD_BLOCK } from "./io.ts";
import { addressOf, errno, libc, Memory } from "./libc.ts";
import { ADDRESS_SIZE, decodeAddress, encodeAddress, type SocketAddress } from "./sockaddr.ts";
import { MSG, SOL, setsockopt } from "./socket.ts";

/*
 * Datagrams with the local address that they came to and go from (IP_PKTINFO in ip(7), IPV6_PKTINFO in ipv6(7)): a socket
 * bound to all addresses must answer from the one that was asked.
 * struct msghdr at 0, struct iovec at 56, struct cmsghdr (length, level, type; data at 16) at 72, address at 136.
 */
const IP_PKTINFO = 8;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IOV = 56;
const CONTROL = 72;
const CONTROL_SIZE = 64;
const NAME = CONTROL + CONTROL_SIZE;

let header: Memory | undefined;
let name: Memory | undefined;

/** Lets `receiveDatagram` tell the local address. */
export function enablePacketInfo(fd: number, family: 4 | 6): void {
  if (family === 4) setsockopt(fd, SOL.IP, IP_PKTINFO, 1);
  else setsockopt(fd, SOL.IPV6, IPV6_RECVPKTINFO, 1);
}

export interface Datagram {
  count: number;
  from: SocketAddress;
  /** The address that it was sent to; undefined when the kernel did not tell. */
  to: string | undefined;
}

function prepare(data: Uint8Array, offset: number, length: number): { message: Memory; address: Memory } {
  header ??= new Memory(NAME);
  name ??= new Memory(ADDRESS_SIZE);
  header.bytes.fill(0);
  header.setU64(0, name.address);
  header.setU64(16, header.at(IOV));
  header.setU64(24, 1);
  header.setU64(IOV, addressOf(data, offset, length) ?? 0);
  header.setU64(IOV + 8, length);
  return { message: header, address: name };
}

/** The next datagram; undefined when there is none. @throws SyscallError */
export function receiveDatagram(fd: number, buffer: Uint8Array): Datagram | undefined {
  for (;;) {
    const { message, address } = prepare(buffer, 0, buffer.length);
    message.setU32(8, ADDRESS_SIZE);
    message.setU64(32, message.at(CONTROL));
    message.setU64(40, CONTROL_SIZE);
    const count = libc().recvmsg(fd, message.address, 0);
    if (count >= 0) {
      return { count, from: decodeAddress(address, message.getU32(8)), to: localAddress(message) };
    }
    const code = errno();
    if (code === Errno.EAGAIN) return undefined;
    if (code !== Errno.EINTR) throw failure("recvmsg");
  }
}

function localAddress(message: Memory): string | undefined {
  if (message.getU64(40) < 16) return undefined;
  const length = message.getU64(CONTROL);
  const level = message.getI32(CONTROL + 8);
  const type = message.getI32(CONTROL + 12);
  if (level === SOL.IP && type === IP_PKTINFO && length >= 28) return formatIPv4(message.bytes, CONTROL + 20);
  if (level === SOL.IPV6 && type === IPV6_PKTINFO && length >= 36)
    return formatIPv6(message.bytes, CONTROL + 16);
  return undefined;
}

/** Sends a datagram from the local address `from`; how many bytes went, or -1 when it would block. @throws SyscallError */
export function sendDatagram(
  fd: number,
  data: Uint8Array,
  length: number,
  to: SocketAddress,
  from: string | undefined,
): number {
  for (;;) {
    const { message, address } = prepare(data, 0, length);
    message.setU32(8, encodeAddress(to, address, "sendmsg"));
    const control = from === undefined ? 0 : writeLocalAddress(message, from);
    if (control > 0) message.setU64(32, message.at(CONTROL));
    message.setU64(40, control);
    const count = libc().sendmsg(fd, message.address, MSG.NOSIGNAL);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("sendmsg");
  }
}

function writeLocalAddress(message: Memory, from: string): number {
  const four = parseIPv4(from);
  const bytes = four ?? parseIPv6(from);
  if (bytes === undefined) return 0;
  const data = four === undefined ? 20 : 12;
  message.setU64(CONTROL, 16 + data);
  message.setI32(CONTROL + 8, four === undefined ? SOL.IPV6 : SOL.IP);
  message.setI32(CONTROL + 12, four === undefined ? IPV6_PKTINFO : IP_PKTINFO);
  message.bytes.set(bytes, CONTROL + (four === undefined ? 16 : 20));
  return (16 + data + 7) & ~7;
}
