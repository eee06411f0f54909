import { BerthError, conflict, log, notFound, systemError } from "@berth/base";
import { closeQuietly } from "@berth/linux";
import type { PublishedPorts } from "../firewall/model.ts";
import type {
  ConnectRequest,
  EndpointRequest,
  EndpointResult,
  LinkedPort,
  LiveConnection,
  LiveDisconnection,
  PortRequest,
  Sandbox,
} from "../networks.ts";
import { ephemeralPorts } from "../ports/ephemeral.ts";
import { addressFor, type ReservedPort, reservePorts } from "../ports/reserve.ts";
import type { GatewayPlan, PortSocket, SandboxPlan } from "../sandbox-plan.ts";
import type { ControllerContext } from "./context.ts";
import { checkEndpoint, chooseGateways, makeEndpoint, releaseEndpoint } from "./endpoints.ts";
import { bridgedFramesAreFiltered } from "./kernel.ts";
import { Names } from "./names.ts";
import { parseBridgeOptions } from "./options.ts";
import { endpointPlan, endpointResult, gatewaysOf } from "./plan.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";
import { identityOf } from "./registry.ts";

/** What running containers hold of the networks. All methods are synchronous, so each is one step for everybody else. */
export class Sandboxes {
  readonly #context: ControllerContext;
  readonly #names: Names;
  readonly #byContainer = new Map<string, SandboxRecord>();
  /** Containers whose names and ports are in force. */
  readonly #published = new Set<string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#names = new Names(context);
  }

  all(): Iterable<SandboxRecord> {
    return this.#byContainer.values();
  }

  isUsed(network: NetworkRecord): boolean {
    for (const sandbox of this.all())
      if (sandbox.endpoints.some((each) => each.networkId === network.id)) return true;
    return false;
  }

  /** See `Networks.allocate`. */
  allocate(request: ConnectRequest): Sandbox {
    const { registry, ipam, ports, store } = this.#context;
    if (this.#byContainer.has(request.containerId)) {
      throw conflict(`container ${request.containerId} has a network already`);
    }
    const sandbox: SandboxRecord = {
      containerId: request.containerId,
      containerName: request.containerName,
      hostname: request.hostname,
      endpoints: [],
      gatewayEndpoint: "",
      ports: [],
      ...(request.linked?.length ? { linked: request.linked } : {}),
      dns: request.dns,
    };
    let reserved: ReservedPort[] = [];
    try {
      const networks = request.endpoints.map((each) => registry.find(each.network));
      networks.forEach((network, index) => {
        const asked = request.endpoints[index] as EndpointRequest;
        checkEndpoint(network, asked, networks.toSpliced(index, 1));
        sandbox.endpoints.push(makeEndpoint(network, asked, sandbox, ipam));
      });
      Object.assign(sandbox, this.#gatewaysOf(sandbox));
      reserved = this.#reserve(sandbox, request.ports);
      sandbox.ports = reserved.map(({ fd: _, ...port }) => port);
      store.putSandbox(sandbox);
    } catch (error) {
      for (const { fd } of reserved) closeQuietly(fd);
      for (const endpoint of sandbox.endpoints) releaseEndpoint(endpoint, ipam);
      throw error;
    }
    ports.add(sandbox.ports, sandbox.containerId);
    this.#byContainer.set(sandbox.containerId, sandbox);
    return {
      plan: this.#plan(sandbox, request.sysctls),
      endpoints: this.#results(sandbox),
      ports: reserved,
      resolvConf: this.#names.resolvConf(sandbox),
    };
  }

  /** Which endpoints carry the default routes. */
  #gatewaysOf(sandbox: SandboxRecord): Pick<SandboxRecord, "gatewayEndpoint" | "gatewayEndpoint6"> {
    const { ipv4, ipv6 } = chooseGateways(sandbox.endpoints, (endpoint) => this.#networkOf(endpoint));
    const gatewayEndpoint = (ipv4 ?? ipv6)?.id ?? "";
    return ipv6 === undefined || ipv6.id === gatewayEndpoint
      ? { gatewayEndpoint }
      : { gatewayEndpoint, gatewayEndpoint6: ipv6.id };
  }

  /** Ports for a container that can be reached; none for others. */
  #reserve(sandbox: SandboxRecord, asked: readonly PortRequest[]): ReservedPort[] {
    const { ports, settings } = this.#context;
    const gateway = sandbox.endpoints.find((endpoint) => endpoint.id === sandbox.gatewayEndpoint);
    if (asked.length === 0 || gateway === undefined) return [];
    const { hostBinding } = parseBridgeOptions(this.#networkOf(gateway).options);
    try {
      return reservePorts(
        asked,
        {
          ...gatewayAddresses(sandbox),
          // All addresses, as an option, are what no option means: IPv6 too.
          defaultAddress: hostBinding === "0.0.0.0" ? "" : hostBinding,
          kernelOnly: !settings.userlandProxy,
          ephemeral: ephemeralPorts(),
        },
        ports,
      );
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      const { containerName: name } = sandbox;
      throw systemError(
        `driver failed programming external connectivity on endpoint ${name} (${gateway.id}): ${error.message}`,
        { cause: error },
      );
    }
  }

  #plan(sandbox: SandboxRecord, sysctls: Record<string, string> | undefined): SandboxPlan {
    const networks = sandbox.endpoints.map((endpoint) => this.#networkOf(endpoint));
    if (networks.some((network) => network.driver === "host")) return { mode: "host", endpoints: [] };
    const filtered = networks.length > 0 && bridgedFramesAreFiltered();
    const hairpin = !this.#context.settings.userlandProxy;
    const endpoints = sandbox.endpoints
      .filter((endpoint) => endpoint.hostInterface !== "")
      .map((endpoint) => endpointPlan(this.#networkOf(endpoint), endpoint, sandbox, { filtered, hairpin }));
    const dns = this.#names.plan(sandbox);
    return {
      mode: endpoints.length > 0 ? "private" : "none",
      endpoints,
      ...(hairpin ? { holdPorts: true } : {}),
      ...(sysctls === undefined ? {} : { sysctls }),
      ...(dns === undefined ? {} : { dns }),
    };
  }

  /** See `Networks.publish`. */
  publish(containerId: string): void {
    const sandbox = this.#sandbox(containerId);
    this.#context.firewall.publish(containerId, this.#seenByFirewall(sandbox));
    this.#published.add(containerId);
    this.#names.writeOwn(sandbox);
    this.#writeZones(sandbox.endpoints);
  }

  /** See `Networks.release`. */
  release(containerId: string): void {
    const sandbox = this.#byContainer.get(containerId);
    if (sandbox === undefined) return;
    const { firewall, ports, ipam, store, zones } = this.#context;
    try {
      firewall.unpublish(containerId);
    } catch (error) {
      // The container is gone all the same; the table is written anew with the next change.
      log.error("cannot close the ports of a container", { container: containerId, error });
    }
    this.#byContainer.delete(containerId);
    this.#published.delete(containerId);
    this.#writeZones(sandbox.endpoints);
    zones.remove(containerId);
    ports.remove(sandbox.ports, containerId);
    for (const endpoint of sandbox.endpoints) releaseEndpoint(endpoint, ipam);
    store.deleteSandbox(containerId);
  }

  /** See `Networks.connect`. */
  connect(containerId: string, request: EndpointRequest, asked: readonly PortRequest[]): LiveConnection {
    const { registry, ipam, store } = this.#context;
    const sandbox = this.#sandbox(containerId);
    const network = registry.find(request.network);
    checkEndpoint(
      network,
      request,
      sandbox.endpoints.map((each) => this.#networkOf(each)),
    );
    const endpoint = makeEndpoint(network, request, sandbox, ipam);
    let changed: SandboxRecord;
    try {
      changed = this.#withEndpoints(sandbox, [...sandbox.endpoints, endpoint]);
      if (sandbox.ports.length === 0) changed.ports = this.#choosePorts(changed, asked);
      store.putSandbox(changed);
    } catch (error) {
      releaseEndpoint(endpoint, ipam);
      throw error;
    }
    const ports = this.#replace(sandbox, changed, [endpoint]);
    const dns = this.#names.plan(changed);
    return {
      plan: endpointPlan(network, endpoint, changed, {
        filtered: bridgedFramesAreFiltered(),
        hairpin: !this.#context.settings.userlandProxy,
      }),
      endpoint: endpointResult(network, endpoint, changed),
      ...(dns === undefined ? {} : { dns }),
      resolvConf: this.#names.resolvConf(changed),
      ...(ports === undefined ? {} : { ports }),
    };
  }

  /** See `Networks.disconnect`. */
  disconnect(containerId: string, text: string): LiveDisconnection {
    const { registry, ipam, store } = this.#context;
    const sandbox = this.#sandbox(containerId);
    const network = registry.find(text);
    if (network.driver === "host") {
      throw conflict("container cannot be disconnected from host network or connected to host network");
    }
    const endpoint = sandbox.endpoints.find((each) => each.networkId === network.id);
    if (endpoint === undefined) {
      throw systemError(`container ${containerId} is not connected to network ${network.name}`);
    }
    const changed = this.#withEndpoints(
      sandbox,
      sandbox.endpoints.filter((each) => each !== endpoint),
    );
    store.putSandbox(changed);
    const ports = this.#replace(sandbox, changed, [endpoint]);
    releaseEndpoint(endpoint, ipam);
    const dns = this.#names.plan(changed);
    return {
      network: identityOf(network),
      endpointId: endpoint.id,
      gateways: this.#movedGateways(sandbox, changed),
      ...(dns === undefined ? {} : { dns }),
      ...(ports === undefined ? {} : { ports }),
    };
  }

  /** The sandbox with other endpoints: default routes and ports lead where they can. Without way out there are no ports. */
  #withEndpoints(sandbox: SandboxRecord, endpoints: EndpointRecord[]): SandboxRecord {
    const { gatewayEndpoint6: _, ...rest } = sandbox;
    const changed = { ...rest, endpoints };
    Object.assign(changed, this.#gatewaysOf(changed));
    const addresses = gatewayAddresses(changed);
    changed.ports =
      changed.gatewayEndpoint === ""
        ? []
        : sandbox.ports.map((port) => ({
            ...port,
            containerAddress: addressFor(port.hostAddress, addresses),
          }));
    return changed;
  }

  /** Free ports for a container that runs: its shim binds them. */
  #choosePorts(sandbox: SandboxRecord, asked: readonly PortRequest[]): PortSocket[] {
    return this.#reserve(sandbox, asked).map(({ fd, ...port }) => {
      closeQuietly(fd);
      return port;
    });
  }

  /** Puts a changed sandbox into force. Gives its ports when they are others than before. */
  #replace(
    before: SandboxRecord,
    changed: SandboxRecord,
    endpoints: readonly EndpointRecord[],
  ): PortSocket[] | undefined {
    const { ports, firewall } = this.#context;
    const { containerId } = changed;
    this.#byContainer.set(containerId, changed);
    ports.remove(before.ports, containerId);
    ports.add(changed.ports, containerId);
    if (this.#published.has(containerId)) firewall.publish(containerId, this.#seenByFirewall(changed));
    this.#names.writeOwn(changed);
    this.#writeZones(endpoints);
    return JSON.stringify(before.ports) === JSON.stringify(changed.ports) ? undefined : changed.ports;
  }

  /** The default routes that endpoints of before carry now and did not then. */
  #movedGateways(before: SandboxRecord, changed: SandboxRecord): GatewayPlan[] {
    return changed.endpoints.flatMap((endpoint) => {
      const network = this.#networkOf(endpoint);
      const had = gatewaysOf(network, endpoint, before);
      const gateways = gatewaysOf(network, endpoint, changed).filter((gateway) => !had.includes(gateway));
      return gateways.length === 0 ? [] : [{ endpointId: endpoint.id, gateways }];
    });
  }

  /** See `Networks.relink`. */
  relink(containerId: string, linked: readonly LinkedPort[]): void {
    const sandbox = this.#byContainer.get(containerId);
    if (sandbox === undefined) return;
    const changed: SandboxRecord = { ...sandbox, linked: [...linked] };
    this.#context.store.putSandbox(changed);
    this.#replace(sandbox, changed, []);
  }

  /** What the packet filter is to know of a container. */
  #seenByFirewall(sandbox: SandboxRecord): PublishedPorts {
    const addresses = sandbox.endpoints.flatMap((endpoint) => [endpoint.ipv4, endpoint.ipv6]);
    const found = { ports: sandbox.ports, addresses: addresses.filter((address) => address !== "") };
    const from = sandbox.endpoints.find((endpoint) => this.#networkOf(endpoint).predefined)?.ipv4 ?? "";
    if (this.#context.settings.icc || from === "" || sandbox.linked === undefined) return found;
    const links = sandbox.linked.map(({ address, protocol, port }) => ({
      from,
      to: address,
      protocol,
      port,
    }));
    return { ...found, links };
  }

  /** See `Networks.rename`. */
  rename(containerId: string, name: string): void {
    const sandbox = this.#byContainer.get(containerId);
    if (sandbox === undefined) return;
    const changed = { ...sandbox, containerName: name };
    this.#context.store.putSandbox(changed);
    this.#byContainer.set(containerId, changed);
    this.#writeZones(changed.endpoints);
  }

  /** See `Networks.sandboxOf`. */
  sandboxOf(containerId: string): { plan: SandboxPlan; ports: readonly PortSocket[] } | undefined {
    const sandbox = this.#byContainer.get(containerId);
    return sandbox === undefined ? undefined : { plan: this.#plan(sandbox, undefined), ports: sandbox.ports };
  }

  endpointsOf(containerId: string): EndpointResult[] | undefined {
    const sandbox = this.#byContainer.get(containerId);
    return sandbox === undefined ? undefined : this.#results(sandbox);
  }

  portsOf(containerId: string): readonly PortSocket[] {
    return this.#byContainer.get(containerId)?.ports ?? [];
  }

  /**
   * Takes up what was stored, of the containers that still run; forgets the rest. The firewall is left to the caller, who gets
   * the ports that are to be open.
   */
  restore(live: ReadonlySet<string>): Map<string, PublishedPorts> {
    const { store, ipam, ports, registry, zones } = this.#context;
    const published = new Map<string, PublishedPorts>();
    this.#byContainer.clear();
    for (const sandbox of store.sandboxes()) {
      const { containerId } = sandbox;
      const known = sandbox.endpoints.every((endpoint) => registry.byId(endpoint.networkId) !== undefined);
      if (!live.has(containerId) || !known) {
        store.deleteSandbox(containerId);
        continue;
      }
      for (const endpoint of sandbox.endpoints) {
        for (const address of [endpoint.ipv4, endpoint.ipv6]) ipam.restore(endpoint.networkId, address);
      }
      ports.add(sandbox.ports, containerId);
      this.#byContainer.set(containerId, sandbox);
      this.#published.add(containerId);
      if (sandbox.ports.length > 0 || sandbox.linked !== undefined)
        published.set(containerId, this.#seenByFirewall(sandbox));
    }
    const networks = registry.all();
    zones.removeOthers(new Set([...this.#byContainer.keys(), ...networks.map((network) => network.id)]));
    for (const network of networks) this.#names.writeNetwork(network, this.all());
    for (const sandbox of this.all()) this.#names.writeOwn(sandbox);
    return published;
  }

  #writeZones(endpoints: readonly EndpointRecord[]): void {
    const visible = [...this.all()].filter((sandbox) => this.#published.has(sandbox.containerId));
    for (const endpoint of endpoints) this.#names.writeNetwork(this.#networkOf(endpoint), visible);
  }

  #results(sandbox: SandboxRecord): EndpointResult[] {
    return sandbox.endpoints.map((endpoint) => endpointResult(this.#networkOf(endpoint), endpoint, sandbox));
  }

  #networkOf(endpoint: EndpointRecord): NetworkRecord {
    return this.#context.registry.find(endpoint.networkId);
  }

  #sandbox(containerId: string): SandboxRecord {
    const sandbox = this.#byContainer.get(containerId);
    if (sandbox === undefined) throw notFound(`container ${containerId} has no network`);
    return sandbox;
  }
}

/** Where published ports lead; empty for a family that the way out does not have. */
function gatewayAddresses(sandbox: SandboxRecord): { ipv4: string; ipv6: string } {
  const { endpoints, gatewayEndpoint, gatewayEndpoint6 = gatewayEndpoint } = sandbox;
  return {
    ipv4: endpoints.find(({ id }) => id === gatewayEndpoint)?.ipv4 ?? "",
    ipv6: endpoints.find(({ id }) => id === gatewayEndpoint6)?.ipv6 ?? "",
  };
}
