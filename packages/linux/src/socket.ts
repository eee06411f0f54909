import { checked, Errno, failure, SyscallError } from "./errno.ts";
import { WOULD_BLOCK, waitWritable } from "./io.ts";
import { addressOf, errno, libc, Memory } from "./libc.ts";
import { ADDRESS_SIZE, AF, decodeAddress, encodeAddress, type SocketAddress } from "./sockaddr.ts";

export const SOCK = {
  STREAM: 1,
  DGRAM: 2,
  RAW: 3,
  SEQPACKET: 5,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
} as const;

/** Levels of socket options. */
export const SOL = { IP: 0, SOCKET: 1, TCP: 6, UDP: 17, IPV6: 41, NETLINK: 270 } as const;

/** Options of level `SOL.SOCKET`. */
export const SO = {
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  BINDTODEVICE: 25,
  ACCEPTCONN: 30,
  RCVBUFFORCE: 33,
  PROTOCOL: 38,
  DOMAIN: 39,
} as const;

export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IPV6_V6ONLY = 26;
export const TCP_NODELAY = 1;

export const MSG = {
  OOB: 1,
  PEEK: 2,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  WAITALL: 0x100,
  NOSIGNAL: 0x4000,
  CMSG_CLOEXEC: 0x4000_0000,
} as const;

export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;

const address = lazy(() => new Memory(ADDRESS_SIZE));
const word = lazy(() => new Memory(16));

function lazy<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

/** A socket, close-on-exec. `domain` from `AF`, `type` from `SOCK` (may hold `SOCK.NONBLOCK`). @throws SyscallError */
export function socket(domain: number, type: number, protocol = 0): number {
  return checked(libc().socket(domain, type | SOCK.CLOEXEC, protocol), "socket");
}

/** Two connected unix sockets, close-on-exec. */
export function socketpair(type: number = SOCK.STREAM): [number, number] {
  const memory = word();
  checked(libc().socketpair(AF.UNIX, type | SOCK.CLOEXEC, 0, memory.address), "socketpair");
  return [memory.getI32(0), memory.getI32(4)];
}

function describe(to: SocketAddress): string | undefined {
  if (to.family === "unix") return to.path;
  if (to.family === "inet") return `${to.address}:${to.port}`;
  if (to.family === "inet6") return `[${to.address}]:${to.port}`;
  return undefined;
}

export function bind(fd: number, to: SocketAddress): void {
  const memory = address();
  const length = encodeAddress(to, memory, "bind");
  checked(libc().bind(fd, memory.address, length), "bind", describe(to));
}

export function listen(fd: number, backlog = 4096): void {
  checked(libc().listen(fd, backlog), "listen");
}

/** A connection that waits, close-on-exec, with `flags` of `SOCK`; -1 when there is none. @throws SyscallError */
export function accept4(fd: number, flags = 0): number {
  for (;;) {
    const connection = libc().accept4(fd, null, null, flags | SOCK.CLOEXEC);
    if (connection >= 0) return connection;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    // Errors of the connection itself, which went away before it was accepted (accept(2), "Error handling").
    if (code !== Errno.EINTR && code !== Errno.ECONNABORTED && code !== Errno.EPROTO) throw failure("accept");
  }
}

/** True when connected; false when a non-blocking connect goes on (then it is writable, and `socketError` tells). */
export function connect(fd: number, to: SocketAddress): boolean {
  const memory = address();
  const length = encodeAddress(to, memory, "connect");
  if (libc().connect(fd, memory.address, length) === 0) return true;
  const code = errno();
  if (code === Errno.EINPROGRESS) return false;
  if (code !== Errno.EINTR) throw failure("connect", describe(to));
  waitWritable(fd);
  const problem = socketError(fd);
  if (problem !== 0) throw new SyscallError("connect", problem, describe(to));
  return true;
}

/** Takes the pending error of a socket: an error number, 0 for none. */
export function socketError(fd: number): number {
  return getsockopt(fd, SOL.SOCKET, SO.ERROR);
}

/** Sends bytes; how many, or -1 when it would block. Never raises SIGPIPE. @throws SyscallError */
export function send(
  fd: number,
  data: Uint8Array,
  offset = 0,
  length: number = data.byteLength - offset,
  flags = 0,
): number {
  return finishSend(fd, data, offset, length, flags, undefined);
}

/** Sends a datagram to an address; as `send`. */
export function sendto(
  fd: number,
  data: Uint8Array,
  offset: number,
  length: number,
  flags: number,
  to: SocketAddress,
): number {
  return finishSend(fd, data, offset, length, flags, to);
}

function finishSend(
  fd: number,
  data: Uint8Array,
  offset: number,
  length: number,
  flags: number,
  to: SocketAddress | undefined,
): number {
  const from = addressOf(data, offset, length);
  const target = to === undefined ? null : address();
  const size = to === undefined ? 0 : encodeAddress(to, target as Memory, "sendto");
  for (;;) {
    const count = libc().sendto(
      fd,
      from,
      length,
      flags | MSG.NOSIGNAL,
      target === null ? null : target.address,
      size,
    );
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("sendto", to === undefined ? undefined : describe(to));
  }
}

/** Receives bytes; 0 at the end, -1 when it would block. With `MSG.TRUNC` a datagram's full length. @throws SyscallError */
export function recv(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length: number = buffer.byteLength - offset,
  flags = 0,
): number {
  const to = addressOf(buffer, offset, length);
  for (;;) {
    const count = libc().recvfrom(fd, to, length, flags, null, null);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("recvfrom");
  }
}

/** A datagram and where it came from; undefined when it would block. @throws SyscallError */
export function recvfrom(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length: number = buffer.byteLength - offset,
  flags = 0,
): { count: number; from: SocketAddress } | undefined {
  const to = addressOf(buffer, offset, length);
  const source = address();
  const size = word();
  for (;;) {
    size.setU32(0, ADDRESS_SIZE);
    const count = libc().recvfrom(fd, to, length, flags, source.address, size.address);
    if (count >= 0) return { count, from: decodeAddress(source, size.getU32(0)) };
    const code = errno();
    if (code === Errno.EAGAIN) return undefined;
    if (code !== Errno.EINTR) throw failure("recvfrom");
  }
}

/** Value of an option that is an int. */
export function getsockopt(fd: number, level: number, option: number): number {
  const memory = word();
  memory.setU32(0, 0);
  memory.setU32(8, 4);
  checked(libc().getsockopt(fd, level, option, memory.address, memory.at(8)), "getsockopt");
  return memory.getI32(0);
}

/** Sets an option: an int, or bytes (such as an interface name for `SO.BINDTODEVICE`). */
export function setsockopt(fd: number, level: number, option: number, value: number | Uint8Array): void {
  if (typeof value === "number") {
    const memory = word();
    memory.setI32(0, value);
    checked(libc().setsockopt(fd, level, option, memory.address, 4), "setsockopt");
  } else {
    checked(
      libc().setsockopt(fd, level, option, addressOf(value, 0, value.byteLength), value.byteLength),
      "setsockopt",
    );
  }
}

/** Who made the other end of a unix connection: SO_PEERCRED. */
export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } {
  const memory = word();
  memory.setU32(12, 12);
  checked(libc().getsockopt(fd, SOL.SOCKET, SO.PEERCRED, memory.address, memory.at(12)), "getsockopt");
  return { pid: memory.getI32(0), uid: memory.getU32(4), gid: memory.getU32(8) };
}

export function getsockname(fd: number): SocketAddress {
  const memory = address();
  const size = word();
  size.setU32(0, ADDRESS_SIZE);
  checked(libc().getsockname(fd, memory.address, size.address), "getsockname");
  return decodeAddress(memory, size.getU32(0));
}

export function getpeername(fd: number): SocketAddress {
  const memory = address();
  const size = word();
  size.setU32(0, ADDRESS_SIZE);
  checked(libc().getpeername(fd, memory.address, size.address), "getpeername");
  return decodeAddress(memory, size.getU32(0));
}

/** Ends one or both directions; a connection that is gone already is not an error. */
export function shutdown(fd: number, how: number): void {
  if (libc().shutdown(fd, how) < 0 && errno() !== Errno.ENOTCONN) throw failure("shutdown");
}
