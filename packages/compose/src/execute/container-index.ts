import type { References } from "../container/networking.ts";
import type { ObservedContainer } from "../observe/observed.ts";

export interface KnownContainer {
  id: string;
  name: string;
  service: string;
  number: number;
}

/** The project's containers while a plan is carried out: those that were there and those that were made. */
export class ContainerIndex implements References {
  readonly #byName = new Map<string, KnownContainer>();
  readonly #observed: readonly ObservedContainer[];

  constructor(observed: readonly ObservedContainer[]) {
    this.#observed = observed;
    for (const each of observed) if (!each.oneOff) this.#byName.set(each.name, each);
  }

  /** Made, or renamed: known under its name from now on. */
  set(container: KnownContainer): void {
    this.#byName.set(container.name, container);
  }

  delete(id: string): void {
    for (const [name, container] of this.#byName) if (container.id === id) this.#byName.delete(name);
  }

  find(name: string): KnownContainer | undefined {
    return this.#byName.get(name);
  }

  /** Whether an id or name is, or was, one of the project's. */
  knows(reference: string): boolean {
    if (this.#byName.has(reference) || this.#observed.some(({ id }) => id === reference)) return true;
    return [...this.#byName.values()].some(({ id }) => id === reference);
  }

  observed(id: string): ObservedContainer | undefined {
    return this.#observed.find((each) => each.id === id);
  }

  containersOf(service: string): KnownContainer[] {
    return [...this.#byName.values()]
      .filter((each) => each.service === service)
      .sort((a, b) => a.number - b.number);
  }
}
