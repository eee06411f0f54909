import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonFileWriter } from "./writer.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const TIME = "2026-01-02T03:04:05.000000006Z";
const line = (text: string) => new TextEncoder().encode(text);
const logs = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((record) => (JSON.parse(record) as { log: string }).log);

test("rotates between records and keeps maxFiles, newest last", () => {
  const path = join(folder, "x.log");
  {
    using writer = new JsonFileWriter(path, { maxSize: 400, maxFiles: 3, attributes: {} });
    for (let i = 0; i < 40; i++) {
      const bytes = line(`line ${i}\n`);
      writer.write("stdout", bytes, bytes.length, TIME);
    }
  }
  expect(readdirSync(folder).sort()).toEqual(["x.log", "x.log.1", "x.log.2"]);
  const kept = [...logs(`${path}.2`), ...logs(`${path}.1`), ...logs(path)];
  expect(kept.at(-1)).toBe("line 39\n");
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `line ${40 - kept.length + i}\n`));
});

test("rotation inside one big chunk splits at a record", () => {
  const path = join(folder, "x.log");
  {
    using writer = new JsonFileWriter(path, { maxSize: 1000, maxFiles: 100, attributes: {} });
    const bytes = line(Array.from({ length: 100 }, (_, i) => `n${i}\n`).join(""));
    writer.write("stdout", bytes, bytes.length, TIME);
  }
  const files = readdirSync(folder).length;
  const all: string[] = [];
  for (let i = files - 1; i >= 1; i--) all.push(...logs(`${path}.${i}`));
  all.push(...logs(path));
  expect(all).toEqual(Array.from({ length: 100 }, (_, i) => `n${i}\n`));
});

test("with one file the old content is dropped", () => {
  const path = join(folder, "x.log");
  {
    using writer = new JsonFileWriter(path, { maxSize: 200, maxFiles: 1, attributes: {} });
    for (let i = 0; i < 10; i++) {
      const bytes = line(`line ${i}\n`);
      writer.write("stderr", bytes, bytes.length, TIME);
    }
  }
  expect(existsSync(`${path}.1`)).toBe(false);
  expect(logs(path).at(-1)).toBe("line 9\n");
});

test("appends to a log that is there", () => {
  const path = join(folder, "x.log");
  for (const text of ["one\n", "two"]) {
    using writer = new JsonFileWriter(path, { maxSize: 0, maxFiles: 1, attributes: {} });
    writer.write("stdout", line(text), text.length, TIME);
    writer.end(TIME);
  }
  expect(logs(path)).toEqual(["one\n", "two"]);
});

test("the file that is being compressed is done before it gets another name", () => {
  const path = join(folder, "x.log");
  const calls: string[] = [];
  {
    using writer = new JsonFileWriter(path, {
      maxSize: 200,
      maxFiles: 3,
      attributes: {},
      compress: {
        start: (name) => {
          calls.push("start");
          renameSync(name, `${name}.gz`);
        },
        settle: () => calls.push("settle"),
      },
    });
    for (let i = 0; i < 20; i++) {
      const bytes = line(`line ${i}\n`);
      writer.write("stdout", bytes, bytes.length, TIME);
    }
  }
  expect(readdirSync(folder).sort()).toEqual(["x.log", "x.log.1.gz", "x.log.2.gz"]);
  expect(calls.slice(0, 4)).toEqual(["settle", "start", "settle", "start"]);
});
