import { conflict, notFound } from "@berth/base";
import type { ConnectRequest, Sandbox } from "@berth/network";
import type { EngineNetworks } from "../networks.ts";

/** Networks without a kernel: addresses are counted, ports are a set. */
export class FakeNetworks implements EngineNetworks {
  readonly allocated = new Map<string, ConnectRequest>();
  readonly published = new Set<string>();
  readonly names = new Set(["bridge", "host", "none", "net1"]);
  failPublish: Error | undefined;
  #next = 2;

  async allocate(request: ConnectRequest): Promise<Sandbox> {
    if (this.allocated.has(request.containerId)) throw new Error(`allocated twice: ${request.containerId}`);
    for (const { network } of request.endpoints) {
      if (!this.names.has(network)) throw notFound(`network ${network} not found`);
    }
    for (const other of this.allocated.values()) {
      for (const port of request.ports) {
        if (
          port.hostPortFirst !== 0 &&
          other.ports.some((each) => each.hostPortFirst === port.hostPortFirst)
        ) {
          throw conflict("port is already allocated");
        }
      }
    }
    await Promise.resolve();
    this.allocated.set(request.containerId, request);
    return {
      plan: { mode: "private", endpoints: [] },
      endpoints: request.endpoints.map(({ network, aliases }) => ({
        networkName: network,
        networkId: `${network}-id`,
        endpointId: `${network}-endpoint`,
        gateway: "172.17.0.1",
        ipAddress: `172.17.0.${this.#next++}`,
        ipPrefixLength: 16,
        ipv6Gateway: "",
        globalIPv6Address: "",
        globalIPv6PrefixLength: 0,
        mac: "02:42:ac:11:00:02",
        aliases: aliases ?? [],
        dnsNames: [],
      })),
      ports: [],
      resolvConf: "nameserver 127.0.0.11\n",
    };
  }

  async publish(containerId: string): Promise<void> {
    if (this.failPublish) throw this.failPublish;
    if (!this.allocated.has(containerId))
      throw new Error(`published before it was allocated: ${containerId}`);
    this.published.add(containerId);
  }

  async release(containerId: string): Promise<void> {
    this.allocated.delete(containerId);
    this.published.delete(containerId);
  }

  hostGateway(): string {
    return "172.17.0.1";
  }

  async renamed(): Promise<void> {}

  async restore(running: readonly string[]): Promise<void> {
    for (const id of [...this.allocated.keys()]) if (!running.includes(id)) await this.release(id);
  }
}
