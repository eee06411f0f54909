import { contains, type IpAddress, lastAddress, type Subnet } from "../address/ip.ts";

/**
 * The addresses of one network that are in use. Gives the lowest that is free, as Docker does, so that a container that is
 * stopped and started alone gets the address it had.
 */
export class AddressSet {
  readonly subnet: Subnet;
  /** Where addresses are taken from that nobody asked for. */
  readonly #range: Subnet;
  readonly #used = new Set<bigint>();

  constructor(subnet: Subnet, range: Subnet = subnet) {
    this.subnet = subnet;
    this.#range = range;
    // Network and broadcast address; IPv6 has an anycast address of routers in the place of the first, and no broadcast.
    this.#used.add(subnet.value);
    if (subnet.family === 4) this.#used.add(lastAddress(subnet).value);
  }

  /** Marks an address as used. False when it is used already or outside the network. */
  take(address: IpAddress): boolean {
    if (!contains(this.subnet, address) || this.#used.has(address.value)) return false;
    this.#used.add(address.value);
    return true;
  }

  contains(address: IpAddress): boolean {
    return contains(this.subnet, address);
  }

  /** Takes the lowest free address; undefined when there is none. */
  next(): IpAddress | undefined {
    const { family } = this.subnet;
    const last = lastAddress(this.#range).value;
    for (let value = this.#range.value; value <= last; value++) {
      if (this.#used.has(value)) continue;
      this.#used.add(value);
      return { family, value };
    }
    return undefined;
  }

  release(address: IpAddress): void {
    if (address.value === this.subnet.value) return;
    if (address.family === 4 && address.value === lastAddress(this.subnet).value) return;
    this.#used.delete(address.value);
  }
}
