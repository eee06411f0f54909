import { log } from "@berth/base";
import {
  AF,
  changeElements,
  closeQuietly,
  forgetConnections,
  isErrno,
  NETLINK_NETFILTER,
  NetlinkSocket,
  NFPROTO,
  rulesetGeneration,
  runNft,
  SyscallError,
} from "@berth/linux";
import { addressBytes, parseAddress } from "../address/ip.ts";
import { portElements, udpPorts } from "./elements.ts";
import { type FirewallNetwork, type PublishedPorts, tableName } from "./model.ts";
import { networkChangeText, rulesetText } from "./ruleset.ts";

const IPPROTO_UDP = 17;

/**
 * The nftables table of one daemon. It is made anew from what is known here at the daemon's start, and whenever somebody
 * removed it; changes in between are one small transaction each.
 */
export class Firewall implements Disposable {
  readonly table: string;
  readonly #networks = new Map<string, FirewallNetwork>();
  readonly #published = new Map<string, PublishedPorts>();
  readonly #hairpin: boolean;
  /** Without it there is no table, and nothing is done. */
  readonly #on: boolean;
  /** Transactions of ours that changed something. */
  #writes = 0;
  #socket: NetlinkSocket | undefined;

  /**
   * `bridge`: the daemon's default bridge, for the table's name. `hairpin`: the bridges send frames back where they came from,
   * so a container that calls its own port needs no socket of the host in between. `on`: false for no rules at all.
   */
  constructor(bridge: string, { hairpin = false, on = true } = {}) {
    this.table = tableName(bridge);
    this.#hairpin = hairpin;
    this.#on = on;
  }

  /** Replaces the table by one with these networks and ports (by container id), in one transaction. */
  rebuild(networks: readonly FirewallNetwork[], published: ReadonlyMap<string, PublishedPorts>): void {
    if (!this.#on) {
      this.remove();
      return;
    }
    this.#networks.clear();
    for (const network of networks) this.#networks.set(network.bridge, network);
    this.#published.clear();
    for (const [id, ports] of published) this.#published.set(id, this.#seen(ports));
    this.#write();
  }

  /** Another number after each change of the host's ruleset that is not by this object: the kernel counts all, we count ours. */
  foreignGeneration(): number {
    this.#socket ??= NetlinkSocket.open(NETLINK_NETFILTER);
    return rulesetGeneration(this.#socket) - this.#writes;
  }

  /** nft commands, as one transaction. */
  #run(commands: string): void {
    runNft(commands);
    this.#writes++;
  }

  /** Writes the table anew when somebody removed it. */
  repair(): void {
    try {
      runNft(`list chain inet ${this.table} forward`);
    } catch (error) {
      this.#rewrite(error);
    }
  }

  #write(): void {
    this.#run(rulesetText(this.table, [...this.#networks.values()], this.#published.values()));
  }

  addNetwork(network: FirewallNetwork): void {
    if (!this.#on) return;
    this.#networks.set(network.bridge, network);
    try {
      this.#run(networkChangeText("add", this.table, network));
    } catch (error) {
      this.#rewrite(error);
    }
  }

  removeNetwork(bridge: string): void {
    const network = this.#networks.get(bridge);
    if (network === undefined) return;
    this.#networks.delete(bridge);
    try {
      this.#run(networkChangeText("delete", this.table, network));
    } catch (error) {
      this.#rewrite(error);
    }
  }

  /** Opens the ports of a container; replaces those that it had. */
  publish(containerId: string, ports: PublishedPorts): void {
    if (!this.#on) return;
    const published = this.#seen(ports);
    const before = this.#published.get(containerId);
    const nothing = published.ports.length === 0 && (published.links ?? []).length === 0;
    if (nothing && before === undefined) return;
    this.#published.set(containerId, published);
    try {
      this.#change(before === undefined ? [] : portElements(before), portElements(published));
    } catch (error) {
      this.#rewrite(error);
    }
    // Clients that sent before are tracked as connections to the host itself.
    for (const { family, port } of udpPorts(published.ports)) {
      this.#forget(family === 4 ? AF.INET : AF.INET6, { protocol: IPPROTO_UDP, toPort: port });
    }
  }

  /** Without callers that go by the host's socket when a container can call itself. */
  #seen(published: PublishedPorts): PublishedPorts {
    return this.#hairpin ? { ...published, own: [] } : published;
  }

  /** Closes the ports of a container, and forgets the connections to it, which nobody answers any more. */
  unpublish(containerId: string): void {
    const before = this.#published.get(containerId);
    if (before === undefined) return;
    this.#published.delete(containerId);
    try {
      this.#change(portElements(before), []);
    } catch (error) {
      this.#rewrite(error);
    }
    for (const text of before.addresses) {
      const address = parseAddress(text);
      if (address === undefined) continue;
      this.#forget(address.family === 4 ? AF.INET : AF.INET6, { answeredFrom: addressBytes(address) });
    }
  }

  /** The table is not as it should be: somebody changed or removed it. */
  #rewrite(cause: unknown): void {
    log.warn("the nftables table was changed by others; it is written anew", {
      table: this.table,
      cause: cause instanceof Error ? cause : String(cause),
    });
    this.#write();
  }

  #change(remove: Parameters<typeof changeElements>[3], add: Parameters<typeof changeElements>[4]): void {
    if (remove.length === 0 && add.length === 0) return;
    this.#socket ??= NetlinkSocket.open(NETLINK_NETFILTER);
    changeElements(this.#socket, NFPROTO.INET, this.table, remove, add);
    this.#writes++;
  }

  #forget(family: number, which: Parameters<typeof forgetConnections>[2]): void {
    this.#socket ??= NetlinkSocket.open(NETLINK_NETFILTER);
    try {
      forgetConnections(this.#socket, family, which);
    } catch (error) {
      // Old kernels cannot select; none is found on a host that tracks nothing.
      if (!(error instanceof SyscallError)) throw error;
      if (!isErrno(error, "ENOENT", "EOPNOTSUPP", "EINVAL"))
        log.debug("cannot forget connections", { error });
    }
  }

  /** Removes the table. */
  remove(): void {
    runNft(`add table inet ${this.table}\ndelete table inet ${this.table}\n`);
    this.#networks.clear();
    this.#published.clear();
  }

  [Symbol.dispose](): void {
    if (this.#socket !== undefined) closeQuietly(this.#socket.fd);
    this.#socket = undefined;
  }
}
