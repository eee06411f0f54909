import { conflict, notFound } from "@berth/base";
import type {
  ConnectRequest,
  EndpointPlan,
  EndpointRequest,
  EndpointResult,
  LiveConnection,
  LiveDisconnection,
  NetworkIdentity,
  PortSocket,
  Sandbox,
  SandboxPlan,
} from "@berth/network";
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
      endpoints: request.endpoints.map((endpoint) => this.#endpoint(endpoint.network, endpoint)),
      ports: [],
      resolvConf: "nameserver 127.0.0.11\n",
    };
  }

  #endpoint(network: string, { aliases }: EndpointRequest): EndpointResult {
    return {
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

  relink(): void {}

  rename(): void {}

  lookUp(network: string): NetworkIdentity {
    const name = network.replace(/-id$/, "");
    if (!this.names.has(name)) throw notFound(`network ${network} not found`);
    const driver = name === "none" ? "null" : name === "host" ? "host" : "bridge";
    return { id: `${name}-id`, name, driver, userDefined: name.startsWith("net") };
  }

  validateEndpoint(): void {}

  async connect(containerId: string, request: EndpointRequest): Promise<LiveConnection> {
    const { name } = this.lookUp(request.network);
    this.allocated.get(containerId)?.endpoints.push({ ...request, network: name });
    return { plan: {} as EndpointPlan, endpoint: this.#endpoint(name, request), resolvConf: "" };
  }

  async disconnect(containerId: string, network: string): Promise<LiveDisconnection> {
    const identity = this.lookUp(network);
    const request = this.allocated.get(containerId);
    if (request) request.endpoints = request.endpoints.filter((each) => each.network !== identity.name);
    return { network: identity, endpointId: `${identity.name}-endpoint`, gateways: [] };
  }

  sandboxOf(containerId: string): { plan: SandboxPlan; ports: PortSocket[] } | undefined {
    return this.allocated.has(containerId) ? { plan: { mode: "none", endpoints: [] }, ports: [] } : undefined;
  }

  endpointsOf(containerId: string): EndpointResult[] | undefined {
    const request = this.allocated.get(containerId);
    return request?.endpoints.map((endpoint) => this.#endpoint(endpoint.network, endpoint));
  }

  portsOf(): PortSocket[] {
    return [];
  }

  create(): never {
    throw new Error("not used");
  }
  remove(): never {
    throw new Error("not used");
  }
  list(): never {
    throw new Error("not used");
  }
  inspect(): never {
    throw new Error("not used");
  }
  prune(): never {
    throw new Error("not used");
  }

  async restore(running: readonly string[]): Promise<void> {
    for (const id of [...this.allocated.keys()]) if (!running.includes(id)) await this.release(id);
  }
}
