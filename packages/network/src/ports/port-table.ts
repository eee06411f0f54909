import type { PortSocket } from "../sandbox-plan.ts";

type Protocol = PortSocket["protocol"];

/** The host ports that containers have, and where the search for a free one goes on. */
export class PortTable {
  readonly #owners = new Map<string, string>();
  readonly #cursors = new Map<Protocol, number>();

  owner(protocol: Protocol, address: string, port: number): string | undefined {
    return this.#owners.get(keyOf(protocol, address, port));
  }

  add(ports: readonly PortSocket[], containerId: string): void {
    for (const { protocol, hostAddress, hostPort } of ports) {
      this.#owners.set(keyOf(protocol, hostAddress, hostPort), containerId);
    }
  }

  remove(ports: readonly PortSocket[], containerId: string): void {
    for (const { protocol, hostAddress, hostPort } of ports) {
      const key = keyOf(protocol, hostAddress, hostPort);
      if (this.#owners.get(key) === containerId) this.#owners.delete(key);
    }
  }

  /**
   * The ports of a range in the order in which they are tried: after the one given last, so that a port that became free is
   * not given to another container at once.
   */
  *rotation(protocol: Protocol, first: number, last: number): Generator<number> {
    const count = last - first + 1;
    const cursor = this.#cursors.get(protocol) ?? first;
    const start = cursor >= first && cursor <= last ? cursor - first : 0;
    for (let step = 0; step < count; step++) yield first + ((start + step) % count);
  }

  /** The next search begins after `port`. */
  advance(protocol: Protocol, port: number): void {
    this.#cursors.set(protocol, port + 1);
  }
}

function keyOf(protocol: Protocol, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}
