import {
  AF,
  bind,
  closeQuietly,
  EPOLL,
  getsockname,
  isErrno,
  type Loop,
  listen,
  NETLINK_NETFILTER,
  NetlinkSocket,
  recvfrom,
  redirectLocalPort,
  SO,
  SOCK,
  SOL,
  type SocketAddress,
  SyscallError,
  sendto,
  setsockopt,
  socket,
} from "@berth/linux";
import { isLoopback, parseAddress } from "../address/ip.ts";
import type { NetworkSandbox } from "../sandbox/sandbox.ts";
import type { DnsPlan } from "../sandbox-plan.ts";
import { Forwarder, type Upstream } from "./forward.ts";
import { HEADER_SIZE, parseQuery, type Query, RCODE, writeRefusal, writeResponse } from "./message.ts";
import { random16 } from "./random.ts";
import { resolve } from "./resolve.ts";
import { DnsTcpListener } from "./tcp.ts";
import { ZoneFile } from "./zone.ts";

/** Where containers of user-defined networks send their questions. */
export const EMBEDDED_DNS_ADDRESS = "127.0.0.11";
const DNS_PORT = 53;
const MAX_DATAGRAM = 4096;
/** Datagrams that one turn of the loop answers, so that other descriptors get theirs. */
const BURST = 32;
/** Bytes of datagrams that may wait: some thousand queries at once. The kernel's usual size holds about 300. */
const WAITING_SIZE = 4 * 1024 * 1024;
/** Attempts to find a port that is free for UDP and TCP. */
const PORT_ATTEMPTS = 8;

/** Called at most once with the response to one query. */
export type Reply = (response: Uint8Array) => void;

/**
 * The name server of one container, on 127.0.0.11:53 within its namespace. It runs in the shim, from zone files, and needs
 * no daemon. The sockets listen on another port, and a rule of the namespace brings port 53 there: so a container can run a
 * name server of its own on port 53 of all its addresses.
 */
export class DnsServer {
  readonly #loop: Loop;
  readonly #sandbox: NetworkSandbox;
  readonly #forwarder: Forwarder;
  readonly #udp: number;
  readonly #tcp: DnsTcpListener;
  readonly #buffer = new Uint8Array(MAX_DATAGRAM);
  #zones: ZoneFile[] = [];
  #keepSingleLabels = false;

  /** `patience`: milliseconds that one upstream server has. @throws SyscallError when the sockets cannot be made. */
  constructor(loop: Loop, sandbox: NetworkSandbox, plan: DnsPlan, patience?: { udp: number; tcp: number }) {
    this.#loop = loop;
    this.#sandbox = sandbox;
    this.#forwarder = new Forwarder(loop, [], patience);
    this.update(plan);
    const sockets = sandbox.inside(openSockets);
    this.#udp = sockets.udp;
    this.#tcp = new DnsTcpListener(loop, sockets.tcp, (message, reply) => this.answer(message, true, reply));
    loop.add(this.#udp, EPOLL.IN, () => this.#onDatagrams());
  }

  /** Other zone files or upstream servers from now on. */
  update(plan: DnsPlan): void {
    const known = new Map(this.#zones.map((zone) => [zone.path, zone]));
    this.#zones = plan.zoneFiles.map((path) => known.get(path) ?? new ZoneFile(path));
    this.#keepSingleLabels = plan.options.some((option) => option.startsWith("ndots:"));
    const inside = new Set(plan.insideUpstreams ?? []);
    this.#forwarder.upstreams = plan.upstreams
      .map((text): Upstream => {
        const open = inside.has(text) ? <T>(action: () => T) => this.#sandbox.inside(action) : atHome;
        return { address: text, port: DNS_PORT, open };
      })
      // A server that is ourselves would ask for ever.
      .filter(({ address }) => address !== EMBEDDED_DNS_ADDRESS && parseAddress(address) !== undefined);
  }

  /** Answers one message, now or when an upstream server did. */
  answer(message: Uint8Array, tcp: boolean, reply: Reply): void {
    const query = parseQuery(message);
    if (query === undefined) return;
    if (typeof query === "number") {
      if (message.length >= HEADER_SIZE) reply(writeRefusal(message, query));
      return;
    }
    const limit = tcp ? 65_535 : query.datagramSize;
    const zones = this.#zones.map((zone) => zone.get());
    const options = { keepSingleLabels: this.#keepSingleLabels };
    const resolution = resolve(query, zones, options, () => random16() / 65_536);
    if (resolution !== "forward") {
      reply(writeResponse(query, resolution.rcode, resolution.answers, limit));
      return;
    }
    const kept: Query = { ...query, question: query.question.slice() };
    this.#forwarder.forward(message, query, tcp, (response) => {
      reply(response ?? writeResponse(kept, RCODE.SERVFAIL, [], limit));
    });
  }

  #onDatagrams(): void {
    try {
      for (let count = 0; count < BURST; count++) {
        const datagram = recvfrom(this.#udp, this.#buffer);
        if (datagram === undefined) return;
        const { from } = datagram;
        this.answer(this.#buffer.subarray(0, datagram.count), false, (response) =>
          this.#send(response, from),
        );
      }
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  #send(response: Uint8Array, to: SocketAddress): void {
    try {
      sendto(this.#udp, response, 0, response.length, 0, to);
    } catch (error) {
      // The client went away or its network did; it will ask again if it wants to.
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  stop(): void {
    this.#loop.remove(this.#udp);
    closeQuietly(this.#udp);
    this.#tcp.stop();
    this.#forwarder.stop();
  }
}

function atHome<T>(action: () => T): T {
  return action();
}

/** Two sockets on one port of 127.0.0.11, and the rule that leads port 53 to it. Runs in the container's namespace. */
function openSockets(): { udp: number; tcp: number } {
  for (let attempt = 1; ; attempt++) {
    const udp = socket(AF.INET, SOCK.DGRAM | SOCK.NONBLOCK);
    let tcp = -1;
    try {
      holdMore(udp);
      bind(udp, { family: "inet", address: EMBEDDED_DNS_ADDRESS, port: 0 });
      const name = getsockname(udp);
      const port = name.family === "inet" ? name.port : 0;
      tcp = socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK);
      bind(tcp, { family: "inet", address: EMBEDDED_DNS_ADDRESS, port });
      listen(tcp, 64);
      using netfilter = NetlinkSocket.open(NETLINK_NETFILTER);
      redirectLocalPort(netfilter, "berth_dns", Uint8Array.of(127, 0, 0, 11), DNS_PORT, port);
      return { udp, tcp };
    } catch (error) {
      closeQuietly(udp);
      if (tcp >= 0) closeQuietly(tcp);
      if (!isErrno(error, "EADDRINUSE") || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

function holdMore(udp: number): void {
  try {
    setsockopt(udp, SOL.SOCKET, SO.RCVBUFFORCE, WAITING_SIZE);
  } catch {
    // Without the right to it the usual size must do.
  }
}

/** True for servers that only the container itself can reach. */
export function isInsideOnly(server: string): boolean {
  const address = parseAddress(server);
  return address !== undefined && isLoopback(address);
}
