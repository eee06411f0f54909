import type { BuildRecord, BuildRequest, BuildResult } from "@berth/api/build";
import { messageOf, nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { State } from "@berth/state";
import type { Steps } from "./solve/steps.ts";

const KEPT = 50;

/** Builds that run and have run. What a killed daemon left unfinished is not among them. */
export class BuildHistory {
  readonly #state: State;
  readonly #records = new Map<string, BuildRecord>();
  readonly #listeners = new Set<(record: BuildRecord, removed: boolean) => void>();

  constructor(state: State) {
    this.#state = state;
    for (const { record } of state.all<{ record: string }>("SELECT record FROM history ORDER BY created")) {
      try {
        const read = JSON.parse(record, revive) as BuildRecord;
        this.#records.set(read.ref, read);
      } catch {
        // Written by another version: forgotten.
      }
    }
  }

  list(): BuildRecord[] {
    return [...this.#records.values()].reverse();
  }

  listen(listener: (record: BuildRecord, removed: boolean) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  begin(ref: string, request: BuildRequest): BuildRecord {
    const record: BuildRecord = {
      ref,
      attributes: request.attributes ?? {},
      exporters: (request.exporters ?? []).map(({ type, attributes }) => ({ type, attributes })),
      createdAt: rfc3339Nano(nowNanoseconds()),
      exporterResponse: {},
      totalSteps: 0,
      cachedSteps: 0,
      completedSteps: 0,
      warnings: 0,
      vertices: [],
    };
    this.#records.set(ref, record);
    this.#tell(record, false);
    return record;
  }

  end(record: BuildRecord, steps: Steps | undefined, result: BuildResult | undefined, error: unknown): void {
    const vertices = steps?.vertices() ?? [];
    record.completedAt = rfc3339Nano(nowNanoseconds());
    record.vertices = vertices;
    record.totalSteps = vertices.length;
    record.cachedSteps = vertices.filter((vertex) => vertex.cached).length;
    record.completedSteps = vertices.filter((vertex) => vertex.completed !== undefined).length;
    record.exporterResponse = result?.exporterResponse ?? {};
    if (result === undefined) record.error = messageOf(error);
    this.#state.later(() => {
      if (this.#records.get(record.ref) !== record) return;
      this.#state.run(
        "INSERT OR REPLACE INTO history (ref, created, record) VALUES (?, ?, ?)",
        record.ref,
        Date.now(),
        JSON.stringify(record, replace),
      );
    });
    this.#tell(record, false);
    for (const [ref] of this.#records) {
      if (this.#records.size <= KEPT) break;
      this.remove(ref);
    }
  }

  remove(ref: string): void {
    const record = this.#records.get(ref);
    if (record === undefined) return;
    this.#records.delete(ref);
    this.#state.later(() => void this.#state.run("DELETE FROM history WHERE ref = ?", ref));
    this.#tell(record, true);
  }

  #tell(record: BuildRecord, removed: boolean): void {
    for (const listener of this.#listeners) listener(record, removed);
  }
}

/** JSON has no 64-bit integers. */
function replace(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $n: String(value) } : value;
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value === "object" && value !== null && "$n" in value)
    return BigInt((value as { $n: string }).$n);
  return value;
}
