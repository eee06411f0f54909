import type {
  Filters,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkInspect,
  NetworksPruneReport,
} from "@berth/api";
import { forbidden, log, notFound } from "@berth/base";
import type { State } from "@berth/state";
import { bridgeAddresses, removeBridge, removeOrphanPorts } from "../bridge/bridge.ts";
import { Firewall } from "../firewall/firewall.ts";
import { forgetInForeignFilters, type HostFirewall, passForeignFilters } from "../firewall/foreign.ts";
import { type AddressPool, defaultPools } from "../ipam/defaults.ts";
import { Ipam } from "../ipam/ipam.ts";
import type {
  ConnectRequest,
  EndpointRequest,
  EndpointResult,
  LinkedPort,
  LiveConnection,
  LiveDisconnection,
  NetworkIdentity,
  Networks,
  PortRequest,
  Sandbox,
} from "../networks.ts";
import { PortTable } from "../ports/port-table.ts";
import type { PortSocket } from "../sandbox-plan.ts";
import { refuseUsedConfiguration } from "./config-network.ts";
import type { ControllerContext } from "./context.ts";
import { makeNetwork } from "./create-network.ts";
import { checkEndpoint } from "./endpoints.ts";
import { inspectNetwork, matchesFilters, poolOf } from "./inspect.ts";
import {
  enableForwarding,
  ensureNetworkBridge,
  filterBridgedFrames,
  firewallNetwork,
  hostRoutes,
} from "./kernel.ts";
import { DEFAULT_NETWORK, defaultNetwork, ensureHostAndNone } from "./predefined.ts";
import { type NetworkRecord, NetworkStore } from "./records.ts";
import { identityOf, NetworkRegistry } from "./registry.ts";
import { Sandboxes } from "./sandboxes.ts";
import type { NetworkSettings } from "./settings.ts";
import { ulaPool } from "./ula.ts";
import { ZoneFolder } from "./zones.ts";

/** How often it is looked whether others changed the packet filter. */
const FILTER_LOOK_MS = 2000;

/**
 * All networks of one daemon. Made from the state; `restore` brings the kernel to it and must be called before anything else
 * that changes something. Every change is synchronous inside, so requests that run at the same time do not mix.
 */
export class NetworkController implements Networks {
  readonly #context: ControllerContext;
  readonly #sandboxes: Sandboxes;
  /** It decides who reaches published ports from other machines. */
  #hostFirewall: HostFirewall | undefined;

  /** @throws BerthError when the flags contradict what is stored or the host has. */
  constructor(state: State, settings: NetworkSettings) {
    const store = new NetworkStore(state);
    const pools = (family: 4 | 6, fallback: () => AddressPool[]) => {
      const asked = settings.pools.filter((pool) => pool.base.family === family);
      return asked.length > 0 ? asked : fallback();
    };
    this.#context = {
      settings,
      store,
      registry: new NetworkRegistry(store),
      ipam: new Ipam([...pools(4, defaultPools), ...pools(6, () => [ulaPool(settings.bridge)])], hostRoutes),
      ports: new PortTable(),
      firewall: new Firewall(settings.bridge, {
        hairpin: !settings.userlandProxy,
        on: settings.packetFilter,
      }),
      zones: new ZoneFolder(settings.execRoot),
    };
    this.#sandboxes = new Sandboxes(this.#context);
    this.#loadNetworks();
  }

  /** Takes the stored networks' addresses, the users' before the default one, which may have to move. */
  #loadNetworks(): void {
    const { registry, ipam, settings } = this.#context;
    ensureHostAndNone(registry);
    for (const network of registry.all()) {
      if (network.predefined) continue;
      try {
        for (const pool of network.bridge?.pools ?? []) ipam.restorePool(network.id, pool);
      } catch (error) {
        log.error("cannot restore the addresses of a network", { network: network.name, error });
      }
    }
    const stored = registry.byName(DEFAULT_NETWORK);
    const network = defaultNetwork(stored, ipam, settings);
    if (network !== undefined) registry.put(network);
    else if (stored !== undefined) registry.remove(stored);
  }

  /**
   * At the daemon's start: makes bridges and firewall as stored, keeps what the running containers hold and drops everything
   * else, interfaces of containers that are gone included. @throws when the default network cannot be made.
   */
  restore(liveContainers: Iterable<string>): void {
    const { settings, registry, firewall } = this.#context;
    if (settings.ipForward) enableForwarding();
    if (!settings.icc && settings.packetFilter) filterBridgedFrames();
    const published = this.#sandboxes.restore(new Set(liveContainers));
    const networks: NetworkRecord[] = [];
    for (const network of registry.all()) {
      if (network.bridge === undefined) continue;
      try {
        ensureNetworkBridge(network, settings.packetFilter);
        networks.push(network);
      } catch (error) {
        if (network.predefined) throw error;
        log.error("cannot restore the bridge of a network", { network: network.name, error });
      }
    }
    const interfaces = [...this.#sandboxes.all()]
      .flatMap((sandbox) => sandbox.endpoints)
      .map((each) => each.hostInterface);
    const devices = networks.flatMap((network) => network.bridge?.device ?? []);
    const orphans = removeOrphanPorts(new Set(devices), new Set(interfaces));
    if (orphans.length > 0)
      log.warn("removed network interfaces of lost containers", { interfaces: orphans.join(" ") });
    firewall.rebuild(
      networks.map(firewallNetwork).filter((each) => each !== undefined),
      published,
    );
    this.#passForeignFilters();
  }

  /**
   * Looks now and then, until it is disposed of, whether somebody changed the host's packet filter: our table is made again when
   * it is gone, and a firewall that was switched on meanwhile is passed. After `restore`.
   */
  watch(): Disposable {
    const { firewall, settings } = this.#context;
    if (!settings.packetFilter) return { [Symbol.dispose]: () => {} };
    let seen = firewall.foreignGeneration();
    const timer = setInterval(() => {
      try {
        if (firewall.foreignGeneration() === seen) return;
        firewall.repair();
        this.#passForeignFilters();
        seen = firewall.foreignGeneration();
      } catch (error) {
        log.warn("cannot look after the host's packet filter", { error });
      }
    }, FILTER_LOOK_MS);
    timer.unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #passForeignFilters(): void {
    const { registry, settings } = this.#context;
    if (!settings.packetFilter) return;
    const devices = registry.all().flatMap((network) => network.bridge?.device ?? []);
    const keeper = passForeignFilters(devices, settings.bypassHostFirewall);
    if (keeper?.name !== this.#hostFirewall?.name && keeper !== undefined) {
      log.warn("published ports are reachable from other machines only where the host's firewall lets them", {
        firewall: keeper.name,
        hint: "see --bypass-host-firewall",
      });
    }
    this.#hostFirewall = keeper;
  }

  async allocate(request: ConnectRequest): Promise<Sandbox> {
    return this.#sandboxes.allocate(request);
  }

  async publish(containerId: string): Promise<void> {
    this.#sandboxes.publish(containerId);
  }

  async release(containerId: string): Promise<void> {
    this.#sandboxes.release(containerId);
  }

  lookUp(network: string): NetworkIdentity {
    return identityOf(this.#context.registry.find(network));
  }

  validateEndpoint(request: EndpointRequest, connected: readonly string[]): void {
    const { registry } = this.#context;
    const others = connected.map((id) => registry.byId(id)).filter((network) => network !== undefined);
    checkEndpoint(registry.find(request.network), request, others);
  }

  async connect(
    containerId: string,
    request: EndpointRequest,
    ports: readonly PortRequest[],
  ): Promise<LiveConnection> {
    return this.#sandboxes.connect(containerId, request, ports);
  }

  async disconnect(containerId: string, network: string): Promise<LiveDisconnection> {
    return this.#sandboxes.disconnect(containerId, network);
  }

  relink(containerId: string, linked: readonly LinkedPort[]): void {
    this.#sandboxes.relink(containerId, linked);
  }

  rename(containerId: string, name: string): void {
    this.#sandboxes.rename(containerId, name);
  }

  sandboxOf(containerId: string): ReturnType<Networks["sandboxOf"]> {
    return this.#sandboxes.sandboxOf(containerId);
  }

  endpointsOf(containerId: string): EndpointResult[] | undefined {
    return this.#sandboxes.endpointsOf(containerId);
  }

  portsOf(containerId: string): readonly PortSocket[] {
    return this.#sandboxes.portsOf(containerId);
  }

  hostGateway(): string {
    const { settings, registry } = this.#context;
    if (settings.hostGateway !== "") return settings.hostGateway;
    const network = registry.byName(DEFAULT_NETWORK);
    const gateway = network === undefined ? undefined : poolOf(network, 4)?.gateway;
    if (gateway === undefined) throw notFound("unable to derive the IP value for host-gateway");
    return gateway;
  }

  async create(request: NetworkCreateRequest): Promise<NetworkCreateResponse> {
    const { registry, ipam, settings, firewall } = this.#context;
    const network = makeNetwork(request, registry, ipam, settings);
    const device = network.bridge?.device;
    if (device === undefined) {
      registry.put(network);
      return { Id: network.id, Warning: "" };
    }
    let existed = true;
    try {
      // An existing bridge is used, and stays when the network does not come about.
      existed = bridgeAddresses(device) !== undefined;
      // Stored first: what an interruption leaves in the kernel then has an owner.
      registry.put(network);
      ensureNetworkBridge(network, settings.packetFilter);
      const filter = firewallNetwork(network);
      if (filter !== undefined) firewall.addNetwork(filter);
    } catch (error) {
      firewall.removeNetwork(device);
      if (!existed) removeBridge(device);
      registry.remove(network);
      ipam.removeNetwork(network.id);
      throw error;
    }
    this.#passForeignFilters();
    return { Id: network.id, Warning: "" };
  }

  async remove(text: string): Promise<NetworkIdentity> {
    const network = this.#context.registry.find(text);
    if (network.predefined) throw forbidden(`${network.name} is a pre-defined network and cannot be removed`);
    if (this.#sandboxes.isUsed(network)) {
      throw forbidden(
        `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
      );
    }
    refuseUsedConfiguration(network, this.#context.registry.all());
    this.#remove(network);
    return identityOf(network);
  }

  /** The record goes last: an interruption leaves a network that is there. */
  #remove(network: NetworkRecord): void {
    const { registry, ipam, firewall, zones } = this.#context;
    const device = network.bridge?.device;
    if (device !== undefined) {
      firewall.removeNetwork(device);
      forgetInForeignFilters(device);
      removeBridge(device);
    }
    registry.remove(network);
    ipam.removeNetwork(network.id);
    zones.remove(network.id);
  }

  list(filters: Filters): NetworkInspect[] {
    const used = new Set(
      [...this.#sandboxes.all()].flatMap((each) => each.endpoints).map((each) => each.networkId),
    );
    return this.#context.registry
      .all()
      .filter((network) => matchesFilters(network, filters, used))
      .map((network) => inspectNetwork(network, []));
  }

  inspect(text: string): NetworkInspect {
    return inspectNetwork(this.#context.registry.find(text), this.#sandboxes.all());
  }

  async prune(
    filters: Filters,
    removed?: (network: NetworkIdentity) => void,
    createdBefore = Number.POSITIVE_INFINITY,
  ): Promise<NetworksPruneReport> {
    const deleted: string[] = [];
    for (const network of this.#context.registry.all()) {
      if (network.predefined || network.configOnly === true || this.#sandboxes.isUsed(network)) continue;
      if (Date.parse(network.created) > createdBefore || !matchesFilters(network, filters, new Set()))
        continue;
      this.#remove(network);
      deleted.push(network.name);
      removed?.(identityOf(network));
    }
    return { NetworksDeleted: deleted.length > 0 ? deleted : null };
  }
}
