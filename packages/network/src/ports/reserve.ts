import { BerthError, invalidParameter, systemError } from "@berth/base";
import {
  AF,
  bind,
  closeQuietly,
  errnoText,
  IPV6_V6ONLY,
  isErrno,
  listen,
  SO,
  SOCK,
  SOL,
  SyscallError,
  setsockopt,
  socket,
} from "@berth/linux";
import { parseAddress } from "../address/ip.ts";
import type { PortRequest } from "../networks.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import type { PortTable } from "./port-table.ts";

const IPPROTO_SCTP = 132;

export interface ReservationTarget {
  /** Addresses of the container; empty when it has none of the family. */
  ipv4: string;
  ipv6: string;
  /** Where ports are bound that name no address; empty: on all addresses, IPv4 and IPv6. */
  defaultAddress: string;
  /** Nobody translates between the families: an IPv4 container has no ports of IPv6 that are not asked for by address. */
  kernelOnly?: boolean;
  /** First and last of the ports that are given when none is named. */
  ephemeral: { first: number; last: number };
}

export type ReservedPort = PortSocket & { fd: number };

/**
 * Reserves host ports by binding sockets in the network namespace of this thread (tcp and sctp ones listen). All or none:
 * on failure every socket is closed. The caller owns the descriptors and tells the table.
 * @throws system with the part of Docker's sentence that follows `driver failed programming external connectivity …: `.
 */
export function reservePorts(
  requests: readonly PortRequest[],
  target: ReservationTarget,
  table: PortTable,
): ReservedPort[] {
  const reserved: ReservedPort[] = [];
  try {
    for (const request of requests) reserved.push(...reserveOne(request, target, table, reserved));
    return reserved;
  } catch (error) {
    for (const { fd } of reserved) closeQuietly(fd);
    throw error;
  }
}

function reserveOne(
  request: PortRequest,
  target: ReservationTarget,
  table: PortTable,
  others: readonly ReservedPort[],
): ReservedPort[] {
  const { protocol, hostPortFirst: first, hostPortLast: last } = request;
  const addresses = hostAddresses(request, target);
  const random = first === 0;
  const candidates = random
    ? table.rotation(protocol, target.ephemeral.first, target.ephemeral.last)
    : range(first, Math.max(first, last));
  const choice = random || last > first;
  for (const port of candidates) {
    try {
      const sockets = bindAll(request, addresses, port, target, table, others);
      if (random) table.advance(protocol, port);
      return sockets;
    } catch (error) {
      if (!choice || !(error instanceof PortInUse)) throw error;
    }
  }
  throw systemError("all ports are allocated");
}

function* range(first: number, last: number): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

interface HostAddress {
  text: string;
  family: 4 | 6;
  /** Nobody asked for it: it may be missing. */
  optional: boolean;
}

function hostAddresses(request: PortRequest, target: ReservationTarget): HostAddress[] {
  const text = request.hostAddress === "" ? target.defaultAddress : request.hostAddress;
  if (text === "") {
    const four = { text: "0.0.0.0", family: 4, optional: false } as const;
    const six = { text: "::", family: 6, optional: true } as const;
    return target.kernelOnly === true && target.ipv6 === "" ? [four] : [four, six];
  }
  const parsed = parseAddress(text);
  if (parsed === undefined) throw invalidParameter(`invalid IP address in port binding: ${text}`);
  return [{ text, family: parsed.family, optional: false }];
}

/** The port is taken; another one may be free. */
class PortInUse extends BerthError {
  constructor(message: string) {
    super("system", message);
  }
}

function bindAll(
  request: PortRequest,
  addresses: readonly HostAddress[],
  port: number,
  target: ReservationTarget,
  table: PortTable,
  others: readonly ReservedPort[],
): ReservedPort[] {
  const { protocol, containerPort } = request;
  const sockets: ReservedPort[] = [];
  try {
    for (const { text, family, optional } of addresses) {
      const ours = others.some(
        (other) => other.protocol === protocol && other.hostAddress === text && other.hostPort === port,
      );
      if (ours || table.owner(protocol, text, port) !== undefined) {
        throw new PortInUse(`Bind for ${joinPort(text, port, false)} failed: port is already allocated`);
      }
      const fd = bindSocket(protocol, text, family, port, optional);
      if (fd === undefined) continue;
      const containerAddress = addressFor(text, target);
      sockets.push({ protocol, hostAddress: text, hostPort: port, containerAddress, containerPort, fd });
    }
    return sockets;
  } catch (error) {
    for (const { fd } of sockets) closeQuietly(fd);
    throw error;
  }
}

/** The container's address for a port of this host address: of the same family when it has one. */
export function addressFor(hostAddress: string, target: { ipv4: string; ipv6: string }): string {
  return hostAddress.includes(":") ? target.ipv6 || target.ipv4 : target.ipv4 || target.ipv6;
}

/** A socket for a port that was chosen. @throws system as `reservePorts`. */
export function bindPort({ protocol, hostAddress, hostPort }: PortSocket): number {
  const fd = bindSocket(protocol, hostAddress, hostAddress.includes(":") ? 6 : 4, hostPort, false);
  if (fd === undefined) throw new TypeError("only optional addresses may be missing");
  return fd;
}

/** Undefined: an optional address that this host does not have. */
function bindSocket(
  protocol: PortRequest["protocol"],
  address: string,
  family: 4 | 6,
  port: number,
  optional: boolean,
): number | undefined {
  let fd = -1;
  try {
    const type = (protocol === "udp" ? SOCK.DGRAM : SOCK.STREAM) | SOCK.NONBLOCK;
    fd = socket(family === 4 ? AF.INET : AF.INET6, type, protocol === "sctp" ? IPPROTO_SCTP : 0);
    if (protocol !== "udp") setsockopt(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    if (family === 6) setsockopt(fd, SOL.IPV6, IPV6_V6ONLY, 1);
    bind(fd, { family: family === 4 ? "inet" : "inet6", address, port });
    if (protocol !== "udp") listen(fd);
    return fd;
  } catch (error) {
    if (fd >= 0) closeQuietly(fd);
    if (!(error instanceof SyscallError)) throw error;
    if (optional && isErrno(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) return undefined;
    const text = errnoText(error.errno);
    if (error.syscall === "socket")
      throw systemError(`Error starting userland proxy: ${text}`, { cause: error });
    const sentence = `Error starting userland proxy: listen ${protocol}${family} ${joinPort(address, port, true)}: bind: ${text}`;
    if (isErrno(error, "EADDRINUSE")) throw new PortInUse(sentence);
    throw systemError(sentence, { cause: error });
  }
}

function joinPort(address: string, port: number, brackets: boolean): string {
  return brackets && address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
