import {
  AF,
  accept4,
  bind,
  close,
  connect,
  getpeername,
  isErrno,
  listen,
  recvfrom,
  SO,
  SOCK,
  SOL,
  type SocketAddress,
  sendto,
  setsockopt,
  socket,
  socketError,
  waitReadable,
  waitWritable,
} from "@berth/linux";

/** Milliseconds after which a packet counts as dropped. */
const DROPPED = 150;

export type Inside = <T>(action: () => T) => T;

const at = (address: string, port: number): SocketAddress => ({
  family: address.includes(":") ? "inet6" : "inet",
  address,
  port,
});

const domain = (address: string) => (address.includes(":") ? AF.INET6 : AF.INET);

/** A listening TCP socket. */
export function listenAt(inside: Inside, address: string, port: number): number {
  return inside(() => {
    const fd = socket(domain(address), SOCK.STREAM | SOCK.NONBLOCK);
    setsockopt(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    bind(fd, at(address, port));
    listen(fd);
    return fd;
  });
}

/**
 * Connects to `address`:`port` and tells what became of it: the client's address as the `listener` saw it, `refused`,
 * `dropped`, or `elsewhere` when the connection arrived at another socket.
 */
export function probeTcp(inside: Inside, address: string, port: number, listener: number): string {
  const client = inside(() => socket(domain(address), SOCK.STREAM | SOCK.NONBLOCK));
  try {
    try {
      connect(client, at(address, port));
    } catch (error) {
      return isErrno(error, "ENETUNREACH", "EHOSTUNREACH") ? "unreachable" : "refused";
    }
    if (!waitWritable(client, DROPPED)) return "dropped";
    if (socketError(client) !== 0) return "refused";
    if (!waitReadable(listener, DROPPED)) return "elsewhere";
    const server = accept4(listener);
    const peer = getpeername(server);
    close(server);
    return peer.family === "inet" || peer.family === "inet6" ? peer.address : "?";
  } finally {
    close(client);
  }
}

/** A bound UDP socket. */
export function bindAt(inside: Inside, address: string, port: number): number {
  return inside(() => {
    const fd = socket(domain(address), SOCK.DGRAM | SOCK.NONBLOCK);
    bind(fd, at(address, port));
    return fd;
  });
}

/** Sends a datagram and an answer; the client's address as the listener saw it, or what became of it. */
export function probeUdp(client: number, address: string, port: number, listener: number): string {
  sendto(client, Uint8Array.of(1), 0, 1, 0, at(address, port));
  if (!waitReadable(listener, DROPPED)) return "dropped";
  const got = recvfrom(listener, new Uint8Array(10));
  if (got === undefined) return "dropped";
  sendto(listener, Uint8Array.of(2), 0, 1, 0, got.from);
  if (!waitReadable(client, DROPPED)) return "no answer";
  const answer = recvfrom(client, new Uint8Array(10));
  const from = answer?.from;
  if (from === undefined || (from.family !== "inet" && from.family !== "inet6")) return "no answer";
  if (from.address !== address || from.port !== port) return `answer from ${from.address}:${from.port}`;
  return got.from.family === "inet" || got.from.family === "inet6" ? got.from.address : "?";
}
