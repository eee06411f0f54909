import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openState } from "./state.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const STEPS = ["CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER NOT NULL) STRICT"];

test("keeps what was committed, takes back what threw", () => {
  const path = join(folder, "state.db");
  {
    using state = openState(path);
    state.migrate("test", STEPS);
    state.transaction(() => state.run("INSERT INTO t VALUES (?, ?)", "a", 1));
    expect(() =>
      state.transaction(() => {
        state.run("INSERT INTO t VALUES (?, ?)", "b", 2);
        throw new Error("no");
      }),
    ).toThrow("no");
    state.transaction(() => state.run("INSERT INTO t VALUES (?, ?)", "c", 3), { durable: false });
    expect(state.run("UPDATE t SET v = v + 1").changes).toBe(2);
  }
  using state = openState(path);
  state.migrate("test", STEPS);
  expect(state.all<{ k: string; v: number }>("SELECT k, v FROM t ORDER BY k")).toEqual([
    { k: "a", v: 2 },
    { k: "c", v: 4 },
  ]);
  expect(state.get("SELECT 1 AS x FROM t WHERE k = ?", "b")).toBeUndefined();
});

test("a nested transaction that fails leaves the outer one whole", () => {
  using state = openState(join(folder, "state.db"));
  state.migrate("test", STEPS);
  state.transaction(() => {
    state.run("INSERT INTO t VALUES ('a', 1)");
    expect(() =>
      state.transaction(() => {
        state.run("INSERT INTO t VALUES ('b', 1)");
        state.run("INSERT INTO t VALUES ('a', 1)");
      }),
    ).toThrow();
    state.transaction(() => state.run("INSERT INTO t VALUES ('c', 1)"));
  });
  expect(state.all<{ k: string }>("SELECT k FROM t ORDER BY k").map((row) => row.k)).toEqual(["a", "c"]);
});

test("refuses asynchronous work", () => {
  using state = openState(join(folder, "state.db"));
  state.migrate("test", STEPS);
  expect(() =>
    state.transaction(async () => {
      state.run("INSERT INTO t VALUES ('a', 1)");
    }),
  ).toThrow("must not be async");
  expect(state.all("SELECT * FROM t")).toEqual([]);
});

test("synchronous is FULL for durable and NORMAL for other transactions", () => {
  using state = openState(join(folder, "state.db"));
  const level = () => Object.values(state.get<Record<string, number>>("PRAGMA synchronous")!)[0];
  expect(level()).toBe(2);
  expect(state.transaction(level)).toBe(2);
  expect(state.transaction(level, { durable: false })).toBe(1);
  state.run("CREATE TABLE after (x)");
  expect(level()).toBe(2);
});

test("what is put off is written together soon, at the latest when it closes; an error takes nothing else down", async () => {
  const path = join(folder, "state.db");
  {
    using state = openState(path);
    state.migrate("test", STEPS);
    const count = () => state.get<{ n: number }>("SELECT count(*) AS n FROM t")?.n;
    for (const key of ["a", "b"]) state.later(() => void state.run("INSERT INTO t VALUES (?, 1)", key));
    expect(count()).toBe(0);
    // Not before those have gone on who are answered in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(count()).toBe(0);
    await new Promise<void>((resolve) => state.later(resolve));
    expect(count()).toBe(2);
    await new Promise<void>((resolve) =>
      state.later(() => {
        resolve();
        state.run("INSERT INTO t VALUES ('a', 1)");
      }),
    );
    state.later(() => void state.run("INSERT INTO t VALUES ('c', 1)"));
  }
  using state = openState(path);
  expect(state.get<{ n: number }>("SELECT count(*) AS n FROM t")).toEqual({ n: 3 });
});

test("migrates step by step, and refuses a newer file", () => {
  const path = join(folder, "state.db");
  {
    using state = openState(path);
    state.migrate("one", STEPS);
    state.run("INSERT INTO t VALUES ('a', 1)");
    state.migrate("two", ["CREATE TABLE u (x INTEGER REFERENCES t(v))"]);
    state.migrate("one", [...STEPS, "ALTER TABLE t ADD COLUMN w TEXT"]);
    expect(state.get<{ w: null }>("SELECT w FROM t")).toEqual({ w: null });
    // A failing step leaves the version as it was.
    expect(() => state.migrate("two", ["-", "CREATE TABLE fine (x); CREATE TABLE broken ("])).toThrow();
    expect(state.get("SELECT name FROM sqlite_schema WHERE name = 'fine'")).toBeUndefined();
  }
  using state = openState(path);
  expect(() => state.migrate("one", STEPS)).toThrow("newer version");
});

test("holds foreign keys", () => {
  using state = openState(join(folder, "state.db"));
  state.migrate("test", [
    "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE c (p TEXT REFERENCES p(id) ON DELETE CASCADE);",
  ]);
  expect(() => state.run("INSERT INTO c VALUES ('none')")).toThrow("FOREIGN KEY");
});

test("the file, what SQLite keeps beside it, and the backup are for the owner alone", () => {
  const path = join(folder, "modes.db");
  using state = openState(path);
  state.migrate("modes", ["CREATE TABLE t (n INTEGER) STRICT"]);
  state.backup();
  for (const name of [path, `${path}-wal`, `${path}.backup`]) expect(statSync(name).mode & 0o777).toBe(0o600);
});

test("a damaged file gives a clear error, and the backup recovers", () => {
  const path = join(folder, "state.db");
  {
    using state = openState(path);
    state.migrate("test", STEPS);
    state.transaction(() => {
      for (let i = 0; i < 2000; i++) state.run("INSERT INTO t VALUES (?, ?)", `key number ${i}`, i);
    });
    state.backup();
  }
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(8192, 0xa5), 0, 8192, 8192);
  closeSync(fd);
  const before = readFileSync(path);
  expect(() => openState(path)).toThrow(`cannot open the state database ${path}`);
  expect(readFileSync(path).equals(before)).toBe(true);
  rmSync(path);
  writeFileSync(path, readFileSync(`${path}.backup`));
  using state = openState(path);
  expect(state.get<{ n: number }>("SELECT count(*) AS n FROM t")!.n).toBe(2000);
});

test("a file that is no database is refused; an empty one is a new database", () => {
  const path = join(folder, "x.db");
  writeFileSync(path, "hello ".repeat(1000));
  expect(() => openState(path)).toThrow("file is not a database");
  writeFileSync(path, "");
  using state = openState(path);
  state.migrate("test", STEPS);
  expect(statSync(path).size + statSync(`${path}-wal`).size).toBeGreaterThan(0);
});
