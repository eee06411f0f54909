import { closeQuietly, type Loop } from "@berth/linux";
import type { PortSocket } from "../sandbox-plan.ts";
import { type ProxyTarget, StreamProxy } from "./tcp-proxy.ts";
import { DatagramProxy } from "./udp-proxy.ts";

/**
 * The published ports of one container, held by its shim. The kernel's address translation takes most traffic past these
 * sockets; what reaches them nevertheless (IPv6 clients of a container without IPv6, a container that calls itself, rules that
 * somebody flushed) is passed on to the container.
 */
export class PortProxies {
  readonly #proxies: { proxy: StreamProxy | DatagramProxy; target: ProxyTarget }[] = [];

  /** `descriptors`: of `ports`, in their order, non-blocking; owned from now on. @throws SyscallError; all are closed then. */
  constructor(loop: Loop, ports: readonly PortSocket[], descriptors: readonly number[]) {
    let next = 0;
    try {
      for (const port of ports) {
        const fd = descriptors[next];
        if (fd === undefined) throw new RangeError("fewer descriptors than ports");
        const target = { address: port.containerAddress, port: port.containerPort };
        const family = port.hostAddress.includes(":") ? 6 : 4;
        const proxy =
          port.protocol === "udp"
            ? new DatagramProxy(loop, fd, family, target)
            : new StreamProxy(loop, fd, target, port.protocol === "sctp");
        this.#proxies.push({ proxy, target });
        next++;
      }
    } catch (error) {
      this.stop();
      for (const fd of descriptors.slice(next)) closeQuietly(fd);
      throw error;
    }
  }

  /** The container lost addresses: ports that led there lead to the first of `to` of the same family. */
  retarget(change: { from: readonly string[]; to: readonly string[] }): void {
    const bare = (text: string) => text.split("/")[0] ?? text;
    const from = new Set(change.from.map(bare));
    for (const { proxy, target } of this.#proxies) {
      if (!from.has(target.address)) continue;
      const six = target.address.includes(":");
      const successor = change.to.map(bare).find((address) => address.includes(":") === six);
      if (successor === undefined) continue;
      target.address = successor;
      if (proxy instanceof DatagramProxy) proxy.reset();
    }
  }

  stop(): void {
    for (const { proxy } of this.#proxies.splice(0)) proxy.stop();
  }
}
