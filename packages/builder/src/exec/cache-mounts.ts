import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { newId } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import type { State } from "@berth/state";

export interface CacheMountRecord {
  /** What the Dockerfile calls it, with what it starts from. */
  name: string;
  folder: string;
  created: number;
  used: number;
  usage: number;
}

export interface CacheMountRequest {
  name: string;
  sharing: "shared" | "private" | "locked";
  mode: number;
  uid: number;
  gid: number;
  /** Fills a folder that is made new. */
  fill?: (folder: string) => Promise<void>;
}

/** Folders that RUN steps keep from build to build: `<root>/<random>/data`. */
export class CacheMounts {
  readonly #root: string;
  readonly #state: State;
  readonly #snapshots: Snapshots;
  readonly #users = new Map<string, number>();
  readonly #locks = new Map<string, Promise<void>>();
  readonly #making = new Map<string, Promise<string>>();
  /** Names for which a folder is being looked up or made: others see that they are taken before their users are counted. */
  readonly #reserved = new Map<string, number>();

  constructor(root: string, state: State, snapshots: Snapshots) {
    this.#root = root;
    this.#state = state;
    this.#snapshots = snapshots;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const known = new Set(this.list().map((mount) => mount.folder));
    for (const name of readdirSync(root)) if (!known.has(name)) snapshots.throwAway(join(root, name));
  }

  list(): CacheMountRecord[] {
    return this.#state.all<CacheMountRecord>("SELECT name, folder, created, used, usage FROM mounts");
  }

  path(folder: string): string {
    return join(this.#root, folder, "data");
  }

  /** Where the folder of a name is; undefined when there is none. */
  find(name: string): string | undefined {
    const known = this.#find(name);
    return known === undefined ? undefined : this.path(known.folder);
  }

  isUsed(folder: string): boolean {
    return this.#users.has(folder);
  }

  remove(record: CacheMountRecord): void {
    this.#state.transaction(() => this.#state.run("DELETE FROM mounts WHERE name = ?", record.name), {
      durable: false,
    });
    this.#snapshots.throwAway(join(this.#root, record.folder));
  }

  /**
   * A folder for a step, until it is disposed. `locked` waits for the others, `private` gets one of its own while it is used.
   * @throws what the signal says
   */
  async take(request: CacheMountRequest, signal: AbortSignal): Promise<{ path: string } & Disposable> {
    const unlock = request.sharing === "locked" ? await this.#lock(request.name, signal) : () => {};
    try {
      let name = request.name;
      if (request.sharing === "private") {
        for (let n = 2; this.#isTaken(name); n++) name = `${request.name}#${n}`;
      }
      count(this.#reserved, name, 1);
      let folder: string;
      try {
        folder = await this.#folder(name, request);
        count(this.#users, folder, 1);
      } finally {
        count(this.#reserved, name, -1);
      }
      return {
        path: this.path(folder),
        [Symbol.dispose]: () => {
          count(this.#users, folder, -1);
          unlock();
        },
      };
    } catch (error) {
      unlock();
      throw error;
    }
  }

  #isTaken(name: string): boolean {
    if (this.#reserved.has(name)) return true;
    const known = this.#find(name);
    return known !== undefined && this.isUsed(known.folder);
  }

  #find(name: string): CacheMountRecord | undefined {
    return this.#state.get<CacheMountRecord>("SELECT * FROM mounts WHERE name = ?", name);
  }

  async #folder(name: string, request: CacheMountRequest): Promise<string> {
    const known = this.#find(name);
    if (known !== undefined) {
      this.#state.transaction(
        () =>
          this.#state.run("UPDATE mounts SET used = ?, usage = usage + 1 WHERE name = ?", Date.now(), name),
        { durable: false },
      );
      return known.folder;
    }
    let making = this.#making.get(name);
    if (making === undefined) {
      making = this.#make(name, request).finally(() => this.#making.delete(name));
      this.#making.set(name, making);
    }
    return await making;
  }

  async #make(name: string, request: CacheMountRequest): Promise<string> {
    const folder = newId().slice(0, 25);
    const path = this.path(folder);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    try {
      await request.fill?.(path);
      chownSync(path, request.uid, request.gid);
      chmodSync(path, request.mode & 0o7777);
    } catch (error) {
      this.#snapshots.throwAway(join(this.#root, folder));
      throw error;
    }
    const now = Date.now();
    this.#state.transaction(
      () =>
        this.#state.run(
          "INSERT INTO mounts (name, folder, created, used, usage) VALUES (?, ?, ?, ?, 1)",
          name,
          folder,
          now,
          now,
        ),
      { durable: false },
    );
    return folder;
  }

  async #lock(name: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#locks.get(name);
    let release: () => void = () => {};
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    const chain = (before ?? Promise.resolve()).then(() => mine);
    this.#locks.set(name, chain);
    void chain.then(() => {
      if (this.#locks.get(name) === chain) this.#locks.delete(name);
    });
    if (before !== undefined) {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        if (signal.aborted) reject(signal.reason);
      });
      try {
        await Promise.race([before, aborted]);
      } catch (error) {
        release();
        throw error;
      }
    }
    return release;
  }
}

function count(counts: Map<string, number>, name: string, change: 1 | -1): void {
  const now = (counts.get(name) ?? 0) + change;
  if (now === 0) counts.delete(name);
  else counts.set(name, now);
}
