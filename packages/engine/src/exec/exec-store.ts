import { notFound } from "@berth/base";
import type { Exec } from "./exec.ts";

/** How long a finished exec can still be inspected, in milliseconds. */
const KEEP = 5 * 60_000;

/** All execs by id. Finished ones are dropped when new ones come: nothing runs for it in between. */
export class ExecStore {
  readonly #byId = new Map<string, Exec>();

  /** @throws not-found `No such exec instance: x`. */
  get(id: string): Exec {
    const exec = this.#byId.get(id);
    if (exec === undefined) throw notFound(`No such exec instance: ${id}`);
    return exec;
  }

  add(exec: Exec): void {
    this.#sweep();
    this.#byId.set(exec.id, exec);
  }

  removeOf(containerId: string): void {
    for (const [id, exec] of this.#byId) if (exec.containerId === containerId) this.#byId.delete(id);
  }

  #sweep(): void {
    const limit = Date.now() - KEEP;
    // In the order of creation; one that still runs may stand before finished ones.
    for (const [id, exec] of this.#byId) {
      if (exec.endedAt !== undefined && exec.endedAt < limit) this.#byId.delete(id);
    }
  }
}
