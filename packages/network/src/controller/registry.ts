import { invalidParameter, notFound } from "@berth/base";
import type { NetworkIdentity } from "../networks.ts";
import type { NetworkRecord, NetworkStore } from "./records.ts";

/** The networks that exist: in memory, and stored. */
export class NetworkRegistry {
  readonly #store: NetworkStore;
  readonly #byId = new Map<string, NetworkRecord>();
  readonly #byName = new Map<string, NetworkRecord>();

  constructor(store: NetworkStore) {
    this.#store = store;
    for (const network of store.networks()) this.#remember(network);
  }

  #remember(network: NetworkRecord): void {
    this.#byId.set(network.id, network);
    this.#byName.set(network.name, network);
  }

  all(): NetworkRecord[] {
    return [...this.#byId.values()];
  }

  byName(name: string): NetworkRecord | undefined {
    return this.#byName.get(name);
  }

  byId(id: string): NetworkRecord | undefined {
    return this.#byId.get(id);
  }

  /** By id, then name, then the beginning of an id. @throws not-found, invalid-parameter when several are meant. */
  find(text: string): NetworkRecord {
    const exact = this.#byId.get(text) ?? this.#byName.get(text);
    if (exact !== undefined) return exact;
    const matches = text === "" ? [] : this.all().filter((network) => network.id.startsWith(text));
    const [first] = matches;
    if (first === undefined) throw notFound(`network ${text} not found`);
    if (matches.length > 1) {
      throw invalidParameter(
        `network ${text} is ambiguous (${matches.length} matches found based on ID prefix)`,
      );
    }
    return first;
  }

  /** Stores a new network, or one that changed. */
  put(network: NetworkRecord): void {
    this.#store.putNetwork(network);
    this.#remember(network);
  }

  remove(network: NetworkRecord): void {
    this.#store.deleteNetwork(network.id);
    this.#byId.delete(network.id);
    this.#byName.delete(network.name);
  }
}

export function identityOf(network: NetworkRecord): NetworkIdentity {
  return { id: network.id, name: network.name, driver: network.driver, userDefined: !network.predefined };
}
