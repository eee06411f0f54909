import { conflict, invalidParameter, notFound } from "@berth/base";
import { Mutex } from "../mutex.ts";
import { AttachQueue } from "./attach-queue.ts";
import type { Container } from "./container.ts";
import { nameInUse } from "./names.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import { Waiters } from "./waiters.ts";

/** Where containers are remembered. Every call is one committed change, or part of the caller's transaction. */
export interface ContainerTable {
  all(): { record: ContainerRecord; state: ContainerState }[];
  insert(record: ContainerRecord, state: ContainerState): void;
  updateRecord(record: ContainerRecord): void;
  updateState(id: string, state: ContainerState): void;
  delete(record: ContainerRecord): void;
}

/** All containers, found by id, name or id prefix. What is stored and what is in memory change together. */
export class ContainerStore {
  readonly #table: ContainerTable;
  readonly #byId = new Map<string, Container>();
  readonly #byName = new Map<string, Container>();

  constructor(table: ContainerTable) {
    this.#table = table;
    for (const { record, state } of table.all()) this.#register(makeContainer(record, state));
  }

  /** Docker's order: whole id, name, id prefix. @throws not-found, invalid-parameter when a prefix is ambiguous. */
  get(reference: string): Container {
    const found = this.find(reference);
    if (found === undefined) throw notFound(`No such container: ${reference}`);
    return found;
  }

  /** @throws invalid-parameter when a prefix is ambiguous. */
  find(reference: string): Container | undefined {
    const exact =
      this.#byId.get(reference) ??
      this.#byName.get(reference.startsWith("/") ? reference.slice(1) : reference);
    if (exact !== undefined) return exact;
    if (!/^[0-9a-f]{1,64}$/.test(reference)) return undefined;
    let found: Container | undefined;
    for (const [id, container] of this.#byId) {
      if (!id.startsWith(reference)) continue;
      if (found !== undefined) {
        throw invalidParameter(`Multiple IDs found with provided prefix: ${reference}`);
      }
      found = container;
    }
    return found;
  }

  all(): Iterable<Container> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  hasName(name: string): boolean {
    return this.#byName.has(name);
  }

  /** @throws conflict when the name is taken. */
  insert(record: ContainerRecord, state: ContainerState): Container {
    const holder = this.#byName.get(record.name);
    if (holder !== undefined) throw nameInUse(record.name, holder.id);
    this.#table.insert(record, state);
    const container = makeContainer(record, state);
    this.#register(container);
    return container;
  }

  /** @throws conflict when the name is taken. */
  rename(container: Container, name: string): void {
    const holder = this.#byName.get(name);
    if (holder !== undefined) throw nameInUse(name, holder.id);
    const record = { ...container.record, name };
    this.#table.updateRecord(record);
    this.#byName.delete(container.record.name);
    container.record = record;
    this.#byName.set(name, container);
  }

  saveRecord(container: Container): void {
    if (this.#byId.get(container.id) !== container) throw conflict(`container ${container.id} is gone`);
    this.#table.updateRecord(container.record);
  }

  saveState(container: Container): void {
    if (this.#byId.get(container.id) === container) this.#table.updateState(container.id, container.state);
  }

  delete(container: Container): void {
    this.#table.delete(container.record);
    this.#byId.delete(container.id);
    if (this.#byName.get(container.record.name) === container) this.#byName.delete(container.record.name);
  }

  /** Takes a container out of memory only: the transaction that inserted it is being rolled back. */
  forget(container: Container): void {
    this.#byId.delete(container.id);
    this.#byName.delete(container.record.name);
  }

  #register(container: Container): void {
    this.#byId.set(container.id, container);
    this.#byName.set(container.record.name, container);
  }
}

function makeContainer(record: ContainerRecord, state: ContainerState): Container {
  return {
    id: record.id,
    record,
    state,
    lock: new Mutex(),
    waiters: new Waiters(),
    attaches: new AttachQueue(),
    execs: new Map(),
    restartDelay: 0,
    exitOnNext: false,
    keepOnExit: false,
  };
}
