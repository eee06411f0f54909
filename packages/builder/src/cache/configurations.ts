import type { MadeConfigurations } from "@berth/api/build";
import type { State } from "@berth/state";

/** How many are kept; when there are more by a quarter, those that were not asked for or made for the longest time go. */
const KEPT = 10_000;

/** See `Builder.configurations`; in the cache's database. */
export class Configurations implements MadeConfigurations {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  has(key: string): boolean {
    return this.#state.get("SELECT 1 FROM configurations WHERE key = ?", key) !== undefined;
  }

  add(key: string): void {
    this.#state.transaction(
      () => {
        this.#state.run("INSERT OR REPLACE INTO configurations (key, used) VALUES (?, ?)", key, Date.now());
        const { count } = this.#state.get<{ count: number }>(
          "SELECT count(*) AS count FROM configurations",
        ) ?? {
          count: 0,
        };
        if (count <= KEPT * 1.25) return;
        this.#state.run(
          "DELETE FROM configurations WHERE key NOT IN (SELECT key FROM configurations ORDER BY used DESC, rowid DESC LIMIT ?)",
          KEPT,
        );
      },
      { durable: false },
    );
  }

  clear(): void {
    this.#state.transaction(() => this.#state.run("DELETE FROM configurations"), { durable: false });
  }
}
