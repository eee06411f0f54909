import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { type BerthError, log, messageOf, systemError } from "@berth/base";
import { keepRoom } from "./room.ts";

/** What a column may hold: SQLite's types. Objects are stored as JSON text by their owner. */
export type Value = string | number | bigint | boolean | null | Uint8Array;

export interface TransactionOptions {
  /**
   * True (the default): the change is on the disk when `transaction` returns, and survives a power failure.
   * False: it survives the end of this process at any instruction, but a power failure may take it back (never half of it).
   * For facts that mean nothing after a reboot: that a container runs, its pid. See docs/design/003-state.md.
   */
  durable?: boolean;
}

/**
 * The metadata store: one SQLite file. All calls are synchronous, and one JavaScript thread uses it,
 * so that what happens between two `await`s is already isolated; a transaction makes it atomic on disk.
 * SQL is always a constant with `?` for values; statements are prepared once.
 */
export interface State extends Disposable {
  readonly path: string;
  /** Runs one changing statement; outside a transaction it is a durable one of its own. */
  run(sql: string, ...values: Value[]): { changes: number; lastInsertRowid: number };
  /** The first row, or undefined. */
  get<Row>(sql: string, ...values: Value[]): Row | undefined;
  all<Row>(sql: string, ...values: Value[]): Row[];
  /**
   * Runs `work` in one transaction: all of its changes or, when it throws, none. Nested calls are savepoints of the outer one,
   * whose `durable` decides. `work` must not be async.
   */
  transaction<T>(work: () => T, options?: TransactionOptions): T;
  /**
   * Runs `work` in a transaction soon, together with what else is put off, when who waits for us now has gone on: for facts that may be lost
   * with this process (how often something was used). Errors are logged. `close` runs what is left.
   */
  later(work: () => void): void;
  /**
   * Brings the tables of `owner` (a package's name) up to date: runs `steps[n…]` where n is how many ran before, in one transaction.
   * Steps are never changed once released, only added.
   * @throws system when the file was written by a newer version.
   */
  migrate(owner: string, steps: readonly string[]): void;
  /** Writes a consistent copy beside the file, `<path>.backup`, from which a user can recover. Milliseconds for megabytes. */
  backup(): void;
  close(): void;
}

/** How long `later` puts off, in milliseconds: who has just been answered is a process that ends first, often on our own processor. */
const PUT_OFF_MS = 20;

/** How long a statement waits for another process that holds the file, in milliseconds. */
const BUSY_TIMEOUT = 5000;

/**
 * Opens or makes the database at `path` (its folder too).
 * @throws system, with a hint, when the file is damaged or is no database; it is left as it was.
 */
export function openState(path: string): State {
  mkdirSync(dirname(path), { recursive: true, mode: 0o710 });
  let db: Database | undefined;
  try {
    // Containers' environments are in it: for the owner alone. SQLite's files beside it take its mode.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    db = new Database(path, { create: true, strict: true });
    db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA synchronous = FULL");
    const problems = db.query("PRAGMA quick_check(1)").values().flat();
    if (problems[0] !== "ok") throw new Error(String(problems[0]));
    db.run(
      "CREATE TABLE IF NOT EXISTS schema_versions (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
    );
    keepRoom(db, path);
  } catch (error) {
    db?.close();
    throw damaged(path, error);
  }
  return new SqliteState(path, db);
}

function damaged(path: string, error: unknown): BerthError {
  const backup = `${path}.backup`;
  const hint = existsSync(backup)
    ? `With the daemon stopped: mv '${path}' '${path}.damaged' && rm -f '${path}-wal' '${path}-shm' && cp '${backup}' '${path}'`
    : `Move '${path}' away to start with an empty state; volumes and layers on disk are not touched by that.`;
  return systemError(`cannot open the state database ${path}: ${messageOf(error)}`, { hint, cause: error });
}

class SqliteState implements State {
  readonly path: string;
  readonly #db: Database;
  readonly #statements = new Map<string, Statement<unknown, SQLQueryBindings[]>>();
  #depth = 0;
  #durable = true;
  #putOff: (() => void)[] = [];

  constructor(path: string, db: Database) {
    this.path = path;
    this.#db = db;
  }

  run(sql: string, ...values: Value[]): { changes: number; lastInsertRowid: number } {
    if (this.#depth === 0) this.#setDurable(true);
    const { changes, lastInsertRowid } = this.#prepared(sql).run(...values);
    return { changes, lastInsertRowid: Number(lastInsertRowid) };
  }

  get<Row>(sql: string, ...values: Value[]): Row | undefined {
    return (this.#prepared(sql).get(...values) ?? undefined) as Row | undefined;
  }

  all<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[];
  }

  transaction<T>(work: () => T, options: TransactionOptions = {}): T {
    if (this.#depth > 0) return this.#savepoint(work);
    this.#setDurable(options.durable ?? true);
    this.#prepared("BEGIN IMMEDIATE").run();
    this.#depth = 1;
    try {
      const result = work();
      refusePromise(result);
      this.#prepared("COMMIT").run();
      return result;
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#db.inTransaction) this.run("ROLLBACK");
      throw error;
    } finally {
      this.#depth = 0;
    }
  }

  later(work: () => void): void {
    if (this.#putOff.length === 0) setTimeout(() => this.#catchUp(), PUT_OFF_MS);
    this.#putOff.push(work);
  }

  #catchUp(): void {
    const all = this.#putOff.splice(0);
    if (all.length === 0) return;
    try {
      this.transaction(() => all.forEach((work) => void work()), { durable: false });
    } catch (error) {
      log.warn("what was put off could not be written down", { error: messageOf(error) });
    }
  }

  migrate(owner: string, steps: readonly string[]): void {
    const read = () =>
      this.get<{ version: number }>("SELECT version FROM schema_versions WHERE owner = ?", owner)?.version ??
      0;
    if (read() === steps.length) return;
    this.transaction(() => {
      const version = read();
      if (version > steps.length) {
        throw systemError(
          `${this.path} was written by a newer version of berth (tables of ${owner} are at step ${version}, this one knows ${steps.length})`,
          { hint: "Use the newer version, or another --data-root." },
        );
      }
      for (const step of steps.slice(version)) this.#db.run(step);
      this.run("INSERT OR REPLACE INTO schema_versions (owner, version) VALUES (?, ?)", owner, steps.length);
    });
  }

  backup(): void {
    const temporary = `${this.path}.backup.${process.pid}.tmp`;
    rmSync(temporary, { force: true });
    try {
      closeSync(openSync(temporary, "w", 0o600));
      this.run("VACUUM INTO ?", temporary);
      syncPath(temporary);
      renameSync(temporary, `${this.path}.backup`);
    } finally {
      rmSync(temporary, { force: true });
    }
    syncPath(dirname(this.path));
  }

  close(): void {
    this.#catchUp();
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #prepared(sql: string): Statement<unknown, SQLQueryBindings[]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare<unknown, SQLQueryBindings[]>(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #savepoint<T>(work: () => T): T {
    const name = `s${this.#depth++}`;
    this.run(`SAVEPOINT ${name}`);
    try {
      const result = work();
      refusePromise(result);
      this.run(`RELEASE ${name}`);
      return result;
    } catch (error) {
      if (this.#db.inTransaction) {
        this.run(`ROLLBACK TO ${name}`);
        this.run(`RELEASE ${name}`);
      }
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /**
   * For the changes that follow; changed only when it is another one than before, for it costs as much as a commit.
   * Not possible inside a transaction: SQLite ignores it there.
   */
  #setDurable(durable: boolean): void {
    if (durable === this.#durable) return;
    this.#db.run(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#durable = durable;
  }
}

/** An async `work` would run after the commit. */
function refusePromise(result: unknown): void {
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new TypeError("the work of a transaction must not be async");
  }
}

function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
