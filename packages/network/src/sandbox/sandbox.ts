import { invalidParameter, systemError } from "@berth/base";
import {
  addAddress,
  addRoute,
  addVeth,
  CLONE,
  closeQuietly,
  deleteLink,
  getLink,
  insideNamespace,
  isErrno,
  isLocalAddress,
  type Link,
  NETLINK_ROUTE,
  type NetlinkBatch,
  NetlinkSocket,
  O,
  open,
  replaceRoute,
  SyscallError,
  setBridgePort,
  setLink,
  setNeighbour,
  setns,
  unshare,
} from "@berth/linux";
import { addressBytes, contains, parseAddress, parseCidr, type Subnet } from "../address/ip.ts";
import { parseMac } from "../address/mac.ts";
import type { EndpointPlan, GatewayPlan, SandboxPlan } from "../sandbox-plan.ts";
import { writeSysctl } from "./sysctl.ts";

/** Milliseconds to wait for what the kernel does in the background. */
const PATIENCE = 100;

/**
 * The network of one container, owned by its shim. The namespace lives by the descriptor here, by the container's processes,
 * and by their TCP connections whose last words nobody acknowledged (up to minutes); when all are gone the kernel removes it,
 * and each veth pair with it. All methods are synchronous; they enter namespaces with this thread and come back.
 */
export class NetworkSandbox implements Disposable {
  /** Descriptor of the container's network namespace; undefined when it is the host's. */
  readonly namespace: number | undefined;
  readonly #endpoints: EndpointPlan[] = [];
  /** Interfaces that were cut off, and are still there. */
  readonly #cutOff: string[] = [];

  constructor(namespace: number | undefined) {
    this.namespace = namespace;
  }

  /** Runs `action` in the container's network namespace. */
  inside<T>(action: () => T): T {
    return this.namespace === undefined ? action() : insideNamespace(this.namespace, CLONE.NEWNET, action);
  }

  get endpoints(): readonly EndpointPlan[] {
    return this.#endpoints;
  }

  /**
   * Puts into a new namespace what the plan says: loopback, interfaces, sysctls. On failure no interface is left.
   * A process that shares the descriptor may do it, see `adopt`. @throws SyscallError, BerthError
   */
  furnish(plan: SandboxPlan): void {
    if (plan.mode === "host" || plan.mode === "join") return;
    this.inside(() => prepareNamespace(plan));
    using inner = this.inside(() => NetlinkSocket.open(NETLINK_ROUTE));
    try {
      if (plan.endpoints.length === 0) {
        const batch = inner.batch();
        setLink(batch, 1, { up: true });
        inner.run(batch);
      } else {
        using host = NetlinkSocket.open(NETLINK_ROUTE);
        for (const [at, each] of plan.endpoints.entries()) this.#connectWith(host, inner, each, at === 0);
      }
      this.setSysctls(plan.sysctls);
    } catch (error) {
      // Closing the last descriptor of the namespace would remove its interfaces too, but only some time later.
      for (const endpoint of [...this.#endpoints]) this.disconnectEndpoint(endpoint.endpointId);
      throw error;
    }
  }

  /** Another process that shares the namespace has furnished it. */
  adopt(plan: SandboxPlan): void {
    if (plan.mode === "private") this.#endpoints.push(...plan.endpoints);
  }

  /** Adds an interface. On failure nothing of it is left. @throws SyscallError, BerthError */
  connectEndpoint(plan: EndpointPlan): void {
    using host = NetlinkSocket.open(NETLINK_ROUTE);
    using inner = this.inside(() => NetlinkSocket.open(NETLINK_ROUTE));
    this.#connectWith(host, inner, plan);
  }

  /** As `connectEndpoint`, over sockets of the host's and the container's namespace. With `loopback` that goes up too. */
  #connectWith(host: NetlinkSocket, inner: NetlinkSocket, plan: EndpointPlan, loopback = false): void {
    const { namespace } = this;
    if (namespace === undefined) throw invalidParameter("a container in the host's network has no endpoints");
    const mac = parseMac(plan.mac);
    if (mac === undefined) throw invalidParameter(`invalid MAC address ${plan.mac}`);
    const addresses = plan.addresses.map(parsePlanned);
    const bridge = getBridge(host, plan.bridge);
    const pair = host.batch();
    addVeth(
      pair,
      { name: plan.hostInterface, mtu: plan.mtu, master: bridge.index, up: true },
      { name: plan.containerInterface, mtu: plan.mtu, mac, namespaceFd: namespace },
    );
    host.run(pair);
    try {
      const device = getLink(inner, plan.containerInterface).index;
      if (addresses.some(({ address }) => address.family === 6)) {
        this.inside(() => writeSysctl(`net/ipv6/conf/${plan.containerInterface}/disable_ipv6`, "0"));
      }
      const setup = inner.batch();
      if (loopback) setLink(setup, 1, { up: true });
      setLink(setup, device, { up: true });
      for (const { address, subnet } of addresses) {
        addAddress(setup, { index: device, address: addressBytes(address), prefixLength: subnet.prefix });
      }
      addGateways(setup, device, plan.gateways, addresses);
      addRoutes(setup, device, plan.routes ?? []);
      inner.run(setup);
      const outside = host.batch();
      const { isolated = false, hairpin = false } = plan;
      if (isolated || hairpin) setBridgePort(outside, plan.hostInterface, { isolated, hairpin });
      // An address may have belonged to another container a moment ago: its old neighbour entry must not be used.
      for (const { address } of addresses) setNeighbour(outside, bridge.index, addressBytes(address), mac);
      host.run(outside);
      awaitOperational(host, plan.hostInterface);
      for (const { address } of addresses) {
        // The kernel takes IPv6 addresses into use in the background.
        if (address.family === 6) waitUntil(() => isLocalAddress(inner, addressBytes(address)));
      }
      if (!bridge.operational) awaitOperational(host, plan.bridge);
      this.setSysctls(plan.sysctls);
    } catch (error) {
      removeLink(host, plan.hostInterface);
      throw error;
    }
    this.#endpoints.push(plan);
  }

  /** @throws SyscallError for one that does not exist or takes no such value. */
  setSysctls(sysctls: Readonly<Record<string, string>> = {}): void {
    const entries = Object.entries(sysctls);
    if (entries.length === 0) return;
    this.inside(() => {
      for (const [key, value] of entries) writeSysctl(key, value);
    });
  }

  /** Makes the interfaces and default routes those of the plan; what is so already stays. */
  sync(plan: SandboxPlan): void {
    const wanted = new Set(plan.endpoints.map((endpoint) => endpoint.endpointId));
    const present = new Set(this.#endpoints.map((endpoint) => endpoint.endpointId));
    for (const id of present) if (!wanted.has(id)) this.disconnectEndpoint(id);
    for (const endpoint of plan.endpoints) {
      if (!present.has(endpoint.endpointId)) this.connectEndpoint(endpoint);
    }
    this.#moveGateways(plan.endpoints);
  }

  /** Removes an interface; nothing happens when it is not there. Then other endpoints get the default routes that are theirs. */
  disconnectEndpoint(endpointId: string, gateways: readonly GatewayPlan[] = []): void {
    const index = this.#endpoints.findIndex((endpoint) => endpoint.endpointId === endpointId);
    const [gone] = index < 0 ? [] : this.#endpoints.splice(index, 1);
    if (gone !== undefined) {
      using host = NetlinkSocket.open(NETLINK_ROUTE);
      removeLink(host, gone.hostInterface);
    }
    this.#moveGateways(gateways);
  }

  #moveGateways(gateways: readonly GatewayPlan[]): void {
    const moves = gateways.flatMap((move) => {
      const endpoint = this.#endpoints.find((each) => each.endpointId === move.endpointId);
      return endpoint === undefined ? [] : [{ endpoint, gateways: move.gateways }];
    });
    if (moves.length === 0) return;
    using inner = this.inside(() => NetlinkSocket.open(NETLINK_ROUTE));
    const batch = inner.batch();
    for (const { endpoint, gateways } of moves) {
      const device = getLink(inner, endpoint.containerInterface).index;
      addGateways(batch, device, gateways, endpoint.addresses.map(parsePlanned));
    }
    inner.run(batch);
  }

  /**
   * Lets go of the network: its interfaces are cut off from their bridges at once, so that another container can have the
   * addresses. They are removed by `removeInterfaces`, or by the kernel some time after the namespace's last user.
   */
  [Symbol.dispose](): void {
    if (this.namespace === undefined) return;
    if (this.#endpoints.length > 0) {
      using host = NetlinkSocket.open(NETLINK_ROUTE);
      for (const { hostInterface } of this.#endpoints.splice(0)) {
        cutOff(host, hostInterface);
        this.#cutOff.push(hostInterface);
      }
    }
    closeQuietly(this.namespace);
  }

  /** Removes the interfaces that were cut off; takes the kernel some tens of milliseconds. Never throws. */
  removeInterfaces(): void {
    const names = this.#cutOff.splice(0);
    if (names.length === 0) return;
    try {
      using host = NetlinkSocket.open(NETLINK_ROUTE);
      for (const name of names) removeLink(host, name);
    } catch (error) {
      // The kernel does it later.
      if (!(error instanceof SyscallError)) throw error;
    }
  }
}

/**
 * Makes the network that the plan describes. Runs in the host's network namespace, and leaves the thread there.
 * On failure nothing is left. @throws SyscallError, BerthError
 */
export function createSandbox(plan: SandboxPlan): NetworkSandbox {
  const sandbox = openSandbox(plan);
  try {
    sandbox.furnish(plan);
    return sandbox;
  } catch (error) {
    sandbox[Symbol.dispose]();
    throw error;
  }
}

/** Only the namespace of a network, with nothing in it yet: `furnish` does the rest. @throws SyscallError, BerthError */
export function openSandbox(plan: SandboxPlan): NetworkSandbox {
  if (plan.mode === "host") return new NetworkSandbox(undefined);
  if (plan.mode === "join") {
    if (plan.joinPath === undefined) throw invalidParameter("no network namespace to join");
    return new NetworkSandbox(open(plan.joinPath, O.RDONLY));
  }
  const host = open("/proc/thread-self/ns/net", O.RDONLY);
  try {
    unshare(CLONE.NEWNET);
    try {
      return new NetworkSandbox(open("/proc/thread-self/ns/net", O.RDONLY));
    } finally {
      setns(host, CLONE.NEWNET);
    }
  } finally {
    closeQuietly(host);
  }
}

/** Defaults for interfaces to come. Without IPv6 addresses they get none at all; with them no detection of duplicates delays. */
function prepareNamespace(plan: SandboxPlan): void {
  const six = plan.endpoints.some((endpoint) => endpoint.addresses.some((address) => address.includes(":")));
  try {
    if (six) writeSysctl("net.ipv6.conf.default.accept_dad", "0");
    else writeSysctl("net.ipv6.conf.default.disable_ipv6", "1");
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error; // A kernel without IPv6.
  }
}

function getBridge(host: NetlinkSocket, name: string): Link {
  try {
    return getLink(host, name);
  } catch (error) {
    if (isErrno(error, "ENODEV")) throw systemError(`bridge ${name} does not exist`, { cause: error });
    throw error;
  }
}

function removeLink(host: NetlinkSocket, name: string): void {
  const batch = host.batch();
  deleteLink(batch, name);
  try {
    host.run(batch);
  } catch (error) {
    if (!isErrno(error, "ENODEV")) throw error;
  }
}

/**
 * Waits until the kernel has seen that an interface has carrier, which it does in the background: before, packets are dropped.
 * Kernels since 6.8 catch up when they are asked, so that there is nothing to wait for. Gives up silently after a while: the
 * packets then flow later.
 */
function awaitOperational(host: NetlinkSocket, name: string): void {
  waitUntil(() => getLink(host, name).operational);
}

function waitUntil(condition: () => boolean): void {
  for (const end = performance.now() + PATIENCE; !condition() && performance.now() < end; )
    Bun.sleepSync(0.1);
}

/** Sets the host's end down: the bridge forgets at once what it learned there. Deleting it would take ten times as long. */
function cutOff(host: NetlinkSocket, name: string): void {
  try {
    const batch = host.batch();
    setLink(batch, getLink(host, name).index, { up: false });
    host.run(batch);
  } catch (error) {
    // It is gone, or goes with its namespace: a container that ended must not fail to end for it.
    if (!(error instanceof SyscallError)) throw error;
  }
}

function parsePlanned(text: string): NonNullable<ReturnType<typeof parseCidr>> {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw invalidParameter(`invalid CIDR address: ${text}`);
  return parsed;
}

function parseGateway(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const gateway = parseAddress(text);
  if (gateway === undefined) throw invalidParameter(`invalid gateway address ${text}`);
  return gateway;
}

function addRoutes(batch: NetlinkBatch, device: number, routes: NonNullable<EndpointPlan["routes"]>): void {
  for (const route of routes) {
    const { subnet } = parsePlanned(route.destination);
    const gateway = route.via === undefined ? undefined : addressBytes(parseGateway(route.via));
    addRoute(batch, {
      destination: addressBytes(subnet),
      prefixLength: subnet.prefix,
      device,
      ...(gateway === undefined ? {} : { gateway }),
    });
  }
}

function addGateways(
  batch: NetlinkBatch,
  device: number,
  gateways: readonly string[],
  addresses: readonly { subnet: Subnet }[],
): void {
  for (const text of gateways) {
    const gateway = parseGateway(text);
    const covered = addresses.some(({ subnet }) => contains(subnet, gateway));
    const bytes = addressBytes(gateway);
    replaceRoute(batch, {
      destination: new Uint8Array(bytes.length),
      prefixLength: 0,
      gateway: bytes,
      onLink: !covered,
      device,
    });
  }
}
