import { conflict, forbidden, invalidParameter, notFound, systemError } from "@berth/base";
import {
  formatAddress,
  formatSubnet,
  type IpAddress,
  overlaps,
  parseAddress,
  parseCidr,
  type Subnet,
} from "../address/ip.ts";
import { AddressSet } from "./address-set.ts";
import { type AddressPool, networksOf } from "./defaults.ts";

/** What one pool of a network is to be: Docker's IPAMConfig. */
export interface PoolRequest {
  /** Empty: one of the default pools. */
  subnet: string;
  range: string;
  gateway: string;
  auxiliary: Record<string, string>;
}

/** A pool as it was chosen. */
export interface Pool {
  subnet: string;
  range: string;
  gateway: string;
  auxiliary: string[];
}

/** Which networks own which subnets, and which addresses of them are in use. Kept in memory; what is stored lies with the owners. */
export class Ipam {
  readonly #pools: readonly AddressPool[];
  readonly #routes: () => Subnet[];
  readonly #networks = new Map<string, AddressSet[]>();

  /** `pools`: where networks are taken from that nobody names. `routes`: the host's networks, which default pools avoid. */
  constructor(pools: readonly AddressPool[], routes: () => Subnet[]) {
    this.#pools = pools;
    this.#routes = routes;
  }

  /**
   * Chooses subnet and gateway of a new network's pool and takes them. @throws Docker's sentences: invalid-parameter, forbidden
   * `Pool overlaps with other one on this address space`, not-found when the default pools are used up.
   */
  addPool(networkId: string, family: 4 | 6, request: PoolRequest): Pool {
    const subnet = request.subnet === "" ? this.#choose(family) : this.#parseSubnet(request.subnet, family);
    const range = request.range === "" ? subnet : parseRange(request, subnet);
    const set = new AddressSet(subnet, range);
    // A gateway that was named comes first; one that we choose keeps clear of the named addresses.
    const named = request.gateway === "" ? undefined : chooseGateway(set, request.gateway);
    const auxiliary = Object.entries(request.auxiliary).map(([name, text]) => takeAuxiliary(set, name, text));
    const gateway = formatAddress(named ?? chooseGateway(set, ""));
    this.#setsOf(networkId).push(set);
    const rangeText = request.range === "" ? "" : formatSubnet(range);
    return { subnet: formatSubnet(subnet), range: rangeText, gateway, auxiliary };
  }

  /** Takes what a stored network has. @throws forbidden when it overlaps another. */
  restorePool(networkId: string, pool: Pool): void {
    const subnet = parseCidr(pool.subnet)?.subnet;
    if (subnet === undefined) throw invalidParameter(`invalid CIDR address: ${pool.subnet}`);
    this.#refuseOverlap(subnet);
    const set = new AddressSet(subnet, parseCidr(pool.range)?.subnet ?? subnet);
    for (const text of [pool.gateway, ...pool.auxiliary]) {
      const address = parseAddress(text);
      if (address !== undefined) set.take(address);
    }
    this.#setsOf(networkId).push(set);
  }

  removeNetwork(networkId: string): void {
    this.#networks.delete(networkId);
  }

  /**
   * An address for an endpoint: the asked one, or the lowest free. @throws forbidden `Address already in use`, invalid-parameter
   * for one outside the network, system when none is left.
   */
  allocate(
    network: { id: string; name: string },
    family: 4 | 6,
    asked: string,
  ): { address: string; prefix: number } {
    const sets = (this.#networks.get(network.id) ?? []).filter((set) => set.subnet.family === family);
    if (asked !== "") {
      const address = parseAddress(asked);
      if (address?.family !== family) throw invalidParameter(`invalid IPv${family} address: ${asked}`);
      const set = sets.find((each) => each.contains(address));
      if (set === undefined) {
        throw invalidParameter(
          `Invalid address ${asked}: It does not belong to any of this network's subnets`,
        );
      }
      if (!set.take(address)) throw forbidden("Address already in use");
      return { address: formatAddress(address), prefix: set.subnet.prefix };
    }
    for (const set of sets) {
      const address = set.next();
      if (address !== undefined) return { address: formatAddress(address), prefix: set.subnet.prefix };
    }
    throw systemError(
      `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
    );
  }

  /** Takes an address that a running container has. */
  restore(networkId: string, text: string): void {
    const address = parseAddress(text);
    if (address === undefined) return;
    for (const set of this.#networks.get(networkId) ?? []) if (set.take(address)) return;
  }

  release(networkId: string, text: string): void {
    const address = parseAddress(text);
    if (address === undefined) return;
    for (const set of this.#networks.get(networkId) ?? []) if (set.contains(address)) set.release(address);
  }

  #setsOf(networkId: string): AddressSet[] {
    const sets = this.#networks.get(networkId) ?? [];
    this.#networks.set(networkId, sets);
    return sets;
  }

  #parseSubnet(text: string, family: 4 | 6): Subnet {
    const parsed = parseCidr(text);
    if (parsed === undefined || parsed.subnet.family !== family) {
      throw invalidParameter(`Invalid subnet ${text} : invalid CIDR address: ${text}`);
    }
    this.#refuseOverlap(parsed.subnet);
    return parsed.subnet;
  }

  #refuseOverlap(subnet: Subnet): void {
    if (this.#taken().some((other) => overlaps(subnet, other))) {
      throw forbidden("Pool overlaps with other one on this address space");
    }
  }

  #taken(): Subnet[] {
    return [...this.#networks.values()].flat().map((set) => set.subnet);
  }

  #choose(family: 4 | 6): Subnet {
    const taken = [...this.#taken(), ...this.#routes()].filter((subnet) => subnet.prefix > 0);
    for (const pool of this.#pools) {
      if (pool.base.family !== family) continue;
      for (const subnet of networksOf(pool)) {
        if (!taken.some((other) => overlaps(subnet, other))) return subnet;
      }
    }
    throw notFound(
      `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network`,
    );
  }
}

function parseRange(request: PoolRequest, subnet: Subnet): Subnet {
  const range = parseCidr(request.range)?.subnet;
  if (
    range === undefined ||
    range.family !== subnet.family ||
    !overlaps(range, subnet) ||
    range.prefix < subnet.prefix
  ) {
    throw invalidParameter(
      `failed to parse pool request for address space "LocalDefault" pool "${request.subnet}" subpool "${request.range}": Invalid Address SubPool`,
    );
  }
  return range;
}

function takeAuxiliary(set: AddressSet, name: string, text: string): string {
  const address = parseAddress(text);
  if (address === undefined)
    throw invalidParameter(`no valid ip address for auxiliary address ${name}: ${text}`);
  if (!set.contains(address)) {
    throw forbidden(
      `auxiliary address: (${name}:${text}) must belong to the master pool: ${formatSubnet(set.subnet)}`,
    );
  }
  if (!set.take(address)) {
    throw forbidden(`failed to allocate secondary ip address (${name}:${text}): Address already in use`);
  }
  return formatAddress(address);
}

function chooseGateway(set: AddressSet, asked: string): IpAddress {
  if (asked === "") {
    const address = set.next();
    if (address === undefined)
      throw systemError("failed to allocate gateway (): No available addresses on this pool");
    return address;
  }
  const address = parseAddress(asked);
  if (address === undefined) throw invalidParameter(`invalid gateway address ${asked} in Ipam configuration`);
  if (!set.contains(address)) {
    throw invalidParameter(`failed to allocate gateway (${asked}): Requested address is out of range`);
  }
  if (!set.take(address)) throw conflict(`failed to allocate gateway (${asked}): Address already in use`);
  return address;
}
