import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { countsOfReport, runFile, testFiles } from "./test.ts";

const root = join(import.meta.dir, "..");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-test-runner-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `import { expect, test } from "bun:test";\n${body}`);
  return relative(root, path);
}

const counts = async (file: string, seconds = 30) => {
  const { passed, failed, skipped } = await runFile(file, folder, seconds);
  return { passed, failed, skipped };
};

test("counts what passed, failed and was skipped", async () => {
  const file = write(
    "mixed.test.ts",
    `test("a", () => {}); test("b", () => expect(1).toBe(2)); test.skip("c", () => {});`,
  );
  expect(await counts(file)).toEqual({ passed: 1, failed: 1, skipped: 1 });
});

test("a crash is a failure", async () => {
  const file = write(
    "crash.test.ts",
    `test("a", () => {}); test("b", () => { process.kill(process.pid, "SIGSEGV"); });`,
  );
  expect(await counts(file)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("a test that ends its process with status 0 is a failure", async () => {
  const file = write("exit.test.ts", `test("a", () => process.exit(0));`);
  expect(await counts(file)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("an error outside of tests is a failure", async () => {
  expect((await counts(write("load.test.ts", `throw new Error("x");`))).failed).toBeGreaterThan(0);
});

test("a file that does not end is killed and is a failure", async () => {
  const file = write("endless.test.ts", `test("a", () => { for (;;); });`);
  expect(await counts(file, 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("a report without totals is no report", () => {
  expect(countsOfReport("")).toBeUndefined();
  expect(countsOfReport(`<testsuites name="x" tests="5" failures="1" skipped="1">`)).toEqual({
    passed: 3,
    failed: 1,
    skipped: 1,
  });
});

test("finds test files below folders once, and refuses a path that does not exist", () => {
  mkdirSync(join(folder, "deep/er"), { recursive: true });
  writeFileSync(join(folder, "deep/er/x.test.ts"), "");
  writeFileSync(join(folder, "deep/er/x.ts"), "");
  expect(testFiles(folder, ["deep", "deep/er/x.test.ts"])).toEqual(["deep/er/x.test.ts"]);
  expect(() => testFiles(folder, ["nowhere"])).toThrow("no such path: nowhere");
});
