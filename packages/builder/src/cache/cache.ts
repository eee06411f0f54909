import { readFileSync } from "node:fs";
import { type Digest, log, newId } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import type { State } from "@berth/state";
import { STEPS } from "./tables.ts";

/** What one executed step left. */
export interface StepResult {
  readonly id: string;
  readonly canonical: string;
  readonly inputs: string;
  /** Undefined: it changed nothing. */
  readonly layer: Digest | undefined;
  readonly description: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Result of the step below, if there is one. */
  readonly parent: string;
  used: number;
  usage: number;
  /** Bytes of its files; -1: not known yet. */
  size: number;
  diffId: Digest | undefined;
  tarSize: number;
  /** Empty: on the disk. */
  boot: string;
}

interface Row {
  id: string;
  canonical: string;
  inputs: string;
  layer: string;
  description: string;
  size: number;
  created: number;
  used: number;
  usage: number;
  diff_id: string;
  tar_size: number;
  boot: string;
  parent: string;
}

/**
 * Which steps were executed before: in SQLite, and all of it in memory for reading. What it says survives a kill of this
 * process at once; what was written within the last boot and not synced is dropped after a power failure.
 */
export class BuildCache {
  readonly state: State;
  readonly #snapshots: Snapshots;
  readonly #results = new Map<string, StepResult>();
  readonly #keys = new Map<string, string>();
  readonly #keysOf = new Map<string, string[]>();
  readonly #boot = readBoot();
  /** Used by builds under way. */
  readonly #held = new Map<string, number>();

  constructor(state: State, snapshots: Snapshots) {
    this.state = state;
    this.#snapshots = snapshots;
    state.migrate("builder", STEPS);
    const lost: string[] = [];
    const layers = new Set<string>();
    for (const row of state.all<Row>("SELECT * FROM results")) {
      const isGone = row.layer !== "" && !snapshots.has(row.layer as Digest);
      if (isGone || (row.boot !== "" && row.boot !== this.#boot)) lost.push(row.id);
      else {
        this.#results.set(row.id, resultOf(row));
        layers.add(row.layer);
      }
    }
    for (const { key, result } of state.all<{ key: string; result: string }>(
      "SELECT key, result FROM keys",
    )) {
      if (this.#results.has(result)) this.#putKey(key, result);
    }
    if (lost.length > 0) {
      log.info("cached build steps are dropped: their layers are gone or may be damaged", {
        steps: lost.length,
      });
      state.transaction(() => {
        for (const id of lost) state.run("DELETE FROM results WHERE id = ?", id);
      });
    }
    for (const layer of snapshots.list("private")) if (!layers.has(layer)) void snapshots.removeLayer(layer);
  }

  /** The result that is found by a key, if it was made of the same `inputs`. */
  find(key: string, inputs: string): StepResult | undefined {
    const id = this.#keys.get(key);
    const result = id === undefined ? undefined : this.#results.get(id);
    return result !== undefined && result.inputs === inputs ? result : undefined;
  }

  /** Whether a key is known, whatever it was made of: to say why it was not used. */
  knows(key: string): boolean {
    return this.#keys.has(key);
  }

  get(id: string): StepResult | undefined {
    return this.#results.get(id);
  }

  all(): IterableIterator<StepResult> {
    return this.#results.values();
  }

  /** Keeps a new result; its keys lead to it from now on. */
  add(result: Omit<StepResult, "id" | "used" | "usage" | "boot">, keys: readonly string[]): StepResult {
    const now = Date.now();
    const boot = result.layer === undefined ? "" : this.#boot;
    const record: StepResult = { ...result, id: newId().slice(0, 25), used: now, usage: 1, boot };
    this.#write(() => {
      this.state.run(
        "INSERT INTO results (id, canonical, inputs, layer, description, size, created, used, usage, diff_id, tar_size, boot, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        record.id,
        record.canonical,
        record.inputs,
        record.layer ?? "",
        record.description,
        record.size,
        record.created,
        now,
        1,
        record.diffId ?? "",
        record.tarSize,
        boot,
        record.parent,
      );
      for (const key of keys) {
        this.state.run("INSERT OR REPLACE INTO keys (key, result) VALUES (?, ?)", key, record.id);
      }
    });
    this.#results.set(record.id, record);
    for (const key of keys) this.#putKey(key, record.id);
    return record;
  }

  /** One more key for a result. */
  addKey(key: string, result: StepResult): void {
    if (this.#keys.get(key) === result.id) return;
    this.#write(() =>
      this.state.run("INSERT OR REPLACE INTO keys (key, result) VALUES (?, ?)", key, result.id),
    );
    this.#putKey(key, result.id);
  }

  /** Digest and sizes of its layer, once they are known. */
  describe(result: StepResult, facts: { diffId: Digest; tarSize: number; size: number }): void {
    Object.assign(result, facts);
    this.#write(() =>
      this.state.run(
        "UPDATE results SET diff_id = ?, tar_size = ?, size = ? WHERE id = ?",
        facts.diffId,
        facts.tarSize,
        facts.size,
        result.id,
      ),
    );
  }

  setSize(result: StepResult, size: number): void {
    result.size = size;
    this.#write(() => this.state.run("UPDATE results SET size = ? WHERE id = ?", size, result.id));
  }

  /** Counts uses, for the collection. */
  touch(results: ReadonlySet<StepResult>): void {
    const now = Date.now();
    for (const result of results) {
      result.used = now;
      result.usage++;
    }
    this.state.later(() => {
      for (const { used, usage, id } of results)
        this.state.run("UPDATE results SET used = ?, usage = ? WHERE id = ?", used, usage, id);
    });
  }

  /** What is not on the disk yet. */
  unsynced(): StepResult[] {
    return [...this.#results.values()].filter((result) => result.boot !== "");
  }

  markSynced(results: readonly StepResult[]): void {
    if (results.length === 0) return;
    this.#write(() => {
      for (const result of results) {
        result.boot = "";
        this.state.run("UPDATE results SET boot = '' WHERE id = ?", result.id);
      }
    });
  }

  /** Nobody removes it before it is disposed. */
  hold(): CacheHold {
    const held: string[] = [];
    const counts = this.#held;
    return {
      add(result) {
        held.push(result.id);
        counts.set(result.id, (counts.get(result.id) ?? 0) + 1);
      },
      [Symbol.dispose]() {
        for (const id of held.splice(0)) {
          const count = counts.get(id)! - 1;
          if (count === 0) counts.delete(id);
          else counts.set(id, count);
        }
      },
    };
  }

  isHeld(result: StepResult): boolean {
    return this.#held.has(result.id);
  }

  /** Forgets a result and gives up its layer; images that share the layer keep it. */
  async remove(result: StepResult): Promise<void> {
    this.#results.delete(result.id);
    for (const key of this.#keysOf.get(result.id) ?? []) {
      if (this.#keys.get(key) === result.id) this.#keys.delete(key);
    }
    this.#keysOf.delete(result.id);
    this.#write(() => {
      this.state.run("DELETE FROM keys WHERE result = ?", result.id);
      this.state.run("DELETE FROM results WHERE id = ?", result.id);
    });
    if (result.layer !== undefined) await this.#snapshots.removeLayer(result.layer);
  }

  keysOf(result: StepResult): readonly string[] {
    return this.#keysOf.get(result.id) ?? [];
  }

  #putKey(key: string, result: string): void {
    this.#keys.set(key, result);
    const keys = this.#keysOf.get(result);
    if (keys === undefined) this.#keysOf.set(result, [key]);
    else keys.push(key);
  }

  /** A kill of this process loses nothing of it; a power failure may, as it may the layers themselves. */
  #write(work: () => void): void {
    this.state.transaction(work, { durable: false });
  }
}

export interface CacheHold extends Disposable {
  add(result: StepResult): void;
}

function resultOf(row: Row): StepResult {
  return {
    id: row.id,
    canonical: row.canonical,
    inputs: row.inputs,
    layer: row.layer === "" ? undefined : (row.layer as Digest),
    description: row.description,
    size: row.size,
    created: row.created,
    used: row.used,
    usage: row.usage,
    diffId: row.diff_id === "" ? undefined : (row.diff_id as Digest),
    tarSize: row.tar_size,
    boot: row.boot,
    parent: row.parent,
  };
}

function readBoot(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown";
  }
}
