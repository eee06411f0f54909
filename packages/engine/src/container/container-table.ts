import type { State } from "@berth/state";
import type { ContainerRecord, ContainerState } from "./record.ts";
import type { ContainerTable } from "./store.ts";

const STEPS = [
  `CREATE TABLE containers (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     record TEXT NOT NULL,
     state TEXT NOT NULL
   ) STRICT`,
];

/**
 * Containers in SQLite. What a user made is durable; that a container runs means nothing after a power failure,
 * so it costs no wait for the disk. A container that removes itself is not worth one either.
 */
export class SqliteContainerTable implements ContainerTable {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
    state.migrate("engine", STEPS);
  }

  all(): { record: ContainerRecord; state: ContainerState }[] {
    return this.#state
      .all<{ record: string; state: string }>("SELECT record, state FROM containers ORDER BY rowid")
      .map((row) => ({ record: JSON.parse(row.record), state: JSON.parse(row.state) }));
  }

  insert(record: ContainerRecord, state: ContainerState): void {
    this.#change(!record.hostConfig.AutoRemove, () =>
      this.#state.run(
        "INSERT INTO containers (id, name, record, state) VALUES (?, ?, ?, ?)",
        record.id,
        record.name,
        JSON.stringify(record),
        JSON.stringify(state),
      ),
    );
  }

  updateRecord(record: ContainerRecord): void {
    this.#change(!record.hostConfig.AutoRemove, () =>
      this.#state.run(
        "UPDATE containers SET name = ?, record = ? WHERE id = ?",
        record.name,
        JSON.stringify(record),
        record.id,
      ),
    );
  }

  updateState(id: string, state: ContainerState): void {
    this.#change(false, () =>
      this.#state.run("UPDATE containers SET state = ? WHERE id = ?", JSON.stringify(state), id),
    );
  }

  delete(record: ContainerRecord): void {
    this.#change(!record.hostConfig.AutoRemove, () =>
      this.#state.run("DELETE FROM containers WHERE id = ?", record.id),
    );
  }

  #change(durable: boolean, change: () => unknown): void {
    this.#state.transaction(() => void change(), { durable });
  }
}
