import type { State } from "@berth/state";
import type { VolumeRecord } from "./record.ts";
import type { VolumeStore } from "./volumes.ts";

const STEPS = ["CREATE TABLE volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT"];

/** Volumes in SQLite. Durable, unless the caller's transaction is not. */
export class SqliteVolumeStore implements VolumeStore {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
    state.migrate("volume", STEPS);
  }

  all(): VolumeRecord[] {
    return this.#state
      .all<{ record: string }>("SELECT record FROM volumes ORDER BY rowid")
      .map((row) => JSON.parse(row.record) as VolumeRecord);
  }

  put(record: VolumeRecord): void {
    this.#state.run(
      "INSERT INTO volumes (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
      record.name,
      JSON.stringify(record),
    );
  }

  delete(name: string): void {
    this.#state.run("DELETE FROM volumes WHERE name = ?", name);
  }
}
