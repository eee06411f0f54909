import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mount, umount2 } from "@berth/linux";
import { openState } from "./state.ts";

const STEPS = ["CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT"];

/** A file system of `megabytes`, gone at the end of the block. */
function smallDisk(megabytes: number): Disposable & { path: string; fill(): void } {
  const path = mkdtempSync(join(tmpdir(), "berth-room-"));
  mount("berth-test", path, "tmpfs", 0, `size=${megabytes}m`);
  return {
    path,
    fill() {
      for (let size = 1 << 20; size >= 1; size >>= 1) {
        const { bavail, bsize } = statfsSync(path);
        const count = Math.floor((bavail * bsize) / size);
        if (count > 0) writeFileSync(join(path, `ballast${size}`), Buffer.alloc(count * size));
      }
      expect(statfsSync(path).bavail).toBe(0);
    },
    [Symbol.dispose]() {
      umount2(path);
      rmSync(path, { recursive: true });
    },
  };
}

for (const reopened of [false, true]) {
  test(`on a full disk rows are changed and removed, and some are added${reopened ? ", after a restart too" : ""}`, () => {
    using disk = smallDisk(16);
    const path = join(disk.path, "state.db");
    let state = openState(path);
    state.migrate("test", STEPS);
    for (let k = 0; k < 500; k++) state.run("INSERT INTO t VALUES (?, ?)", k, "x".repeat(1000));
    if (reopened) {
      state.close();
      state = openState(path);
    }
    disk.fill();
    // Together far more than the log holds at once.
    for (let round = 0; round < 20; round++)
      for (let k = 0; k < 500; k += 5)
        state.run("UPDATE t SET v = ? WHERE k = ?", String(round).repeat(500), k);
    for (let k = 1; k < 500; k += 2) state.run("DELETE FROM t WHERE k = ?", k);
    for (let k = 1000; k < 1100; k++) state.run("INSERT INTO t VALUES (?, ?)", k, "y".repeat(1000));
    state.close();
    using again = openState(path);
    expect(again.get<{ n: number }>("SELECT count(*) AS n FROM t")).toEqual({ n: 350 });
    expect(again.get("SELECT v FROM t WHERE k = 10")).toEqual({ v: "19".repeat(500) });
  });
}

test("a full disk is an error, and the state is as it was", () => {
  using disk = smallDisk(8);
  using state = openState(join(disk.path, "state.db"));
  state.migrate("test", STEPS);
  disk.fill();
  expect(() =>
    state.transaction(() => {
      for (let k = 0; k < 10_000; k++) state.run("INSERT INTO t VALUES (?, ?)", k, "x".repeat(1000));
    }),
  ).toThrow("full");
  expect(state.get<{ n: number }>("SELECT count(*) AS n FROM t")).toEqual({ n: 0 });
  state.run("INSERT INTO t VALUES (1, 'fits')");
});
