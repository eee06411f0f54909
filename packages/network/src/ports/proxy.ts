import { closeQuietly, type Loop } from "@berth/linux";
import type { PortSocket } from "../sandbox-plan.ts";
import { bindPort } from "./reserve.ts";
import { type ProxyTarget, StreamProxy } from "./tcp-proxy.ts";
import { DatagramProxy } from "./udp-proxy.ts";

interface Served {
  key: string;
  proxy: StreamProxy | DatagramProxy | HeldPort;
  target: ProxyTarget;
}

/** A socket that keeps others from the port, and serves nobody. */
class HeldPort {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  stop(): void {
    closeQuietly(this.#fd);
  }
}

function socketKey({ protocol, hostAddress, hostPort }: PortSocket): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}

/**
 * The published ports of one container, held by its shim. The kernel's address translation takes most traffic past these
 * sockets; what reaches them nevertheless (IPv6 clients of a container without IPv6, a container that calls itself, rules that
 * somebody flushed) is passed on to the container.
 */
export class PortProxies {
  readonly #loop: Loop;
  readonly #hold: boolean;
  readonly #proxies: Served[] = [];

  /** `hold`: the sockets are not served. `descriptors`: of `ports`, in their order, non-blocking; owned from now on. @throws SyscallError; all are closed then. */
  constructor(loop: Loop, ports: readonly PortSocket[], descriptors: readonly number[], hold = false) {
    this.#loop = loop;
    this.#hold = hold;
    let next = 0;
    try {
      for (const port of ports) {
        const fd = descriptors[next];
        if (fd === undefined) throw new RangeError("fewer descriptors than ports");
        this.#proxies.push(this.#serve(port, fd));
        next++;
      }
    } catch (error) {
      this.stop();
      for (const fd of descriptors.slice(next)) closeQuietly(fd);
      throw error;
    }
  }

  /**
   * Other ports from now on: those that stay lead where they are told now, new ones are bound here. When that fails nothing
   * has changed. @throws system as `reservePorts`.
   */
  change(ports: readonly PortSocket[]): void {
    const wanted = new Map(ports.map((port) => [socketKey(port), port]));
    const known = new Set(this.#proxies.map(({ key }) => key));
    const added: Served[] = [];
    try {
      for (const [key, port] of wanted) if (!known.has(key)) added.push(this.#serve(port, bindPort(port)));
    } catch (error) {
      for (const { proxy } of added) proxy.stop();
      throw error;
    }
    const before = this.#proxies.splice(0);
    for (const served of before) {
      const port = wanted.get(served.key);
      if (port === undefined) {
        served.proxy.stop();
        continue;
      }
      this.#proxies.push(served);
      const { target, proxy } = served;
      if (target.address === port.containerAddress) continue;
      target.address = port.containerAddress;
      if (proxy instanceof DatagramProxy) proxy.reset();
    }
    this.#proxies.push(...added);
  }

  #serve(port: PortSocket, fd: number): Served {
    const target = { address: port.containerAddress, port: port.containerPort };
    const family = port.hostAddress.includes(":") ? 6 : 4;
    const proxy = this.#hold
      ? new HeldPort(fd)
      : port.protocol === "udp"
        ? new DatagramProxy(this.#loop, fd, family, target)
        : new StreamProxy(this.#loop, fd, target, port.protocol === "sctp");
    return { key: socketKey(port), proxy, target };
  }

  stop(): void {
    for (const { proxy } of this.#proxies.splice(0)) proxy.stop();
  }
}
