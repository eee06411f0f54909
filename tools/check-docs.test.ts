import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { calledTargets, checkDocs, makeTargets } from "./check-docs.ts";
import { anchorOf, parsePage } from "./markdown.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-docs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function findings(files: Record<string, string>): string[] {
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), source);
  }
  return checkDocs(root).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

test("the documents of this repository name only what exists", () => {
  expect(checkDocs(join(import.meta.dir, ".."))).toEqual([]);
});

test("the table of docs/architecture.md has a path in every row", async () => {
  const text = await Bun.file(join(import.meta.dir, "../docs/architecture.md")).text();
  const table = text.slice(text.indexOf("## Where is …?"));
  const rows = table
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (---|looking for)/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect(row).toMatch(/`(apps|packages|test|tools|packaging|\.ci)\/[^`]+`/);
});

test("links need their file and their heading", () => {
  expect(
    findings({
      "README.md":
        "# A\n[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#two-words) [d](docs/a.md#none) [e](#a) [f](https://x.y)\n",
      "docs/a.md": "## Two `words`\n[back](../README.md)\n",
    }),
  ).toEqual([
    "README.md:2: link to docs/b.md: docs/b.md does not exist",
    "README.md:2: link to docs/a.md#none: docs/a.md has no heading #none",
  ]);
});

test("paths in backticks exist; placeholders match anything", () => {
  expect(
    findings({
      "README.md":
        "`tools/a.ts` `tools/b.ts` `packages/<name>/src` `apps/<name>/src` `tools/{a,c}.ts` `not/ours` `tools/`\n",
      "tools/a.ts": "",
      "packages/base/src/index.ts": "",
    }),
  ).toEqual(["README.md:1: tools/b.ts does not exist", "README.md:1: apps/<name>/src does not exist"]);
});

test("make targets exist", () => {
  expect(
    findings({
      Makefile: "test: build\n\techo\nX := 1\n",
      "README.md":
        "`make test` `make toast`\n```sh\n$ sudo make JOBS=1 test && make brew\n```\n```text\nmake nothing\n```\n",
    }),
  ).toEqual(["README.md:1: there is no target: make toast", "README.md:3: there is no target: make brew"]);
  expect(makeTargets("a-b: c\nVAR := x\n.PHONY: z\n")).toEqual(new Set(["a-b"]));
  expect(calledTargets("cd x && make A=b one two; cmake three")).toEqual(["one", "two"]);
});

test("anchors are GitHub's, and code is told from prose", () => {
  expect(anchorOf("Where is …?")).toBe("where-is-");
  const page = parsePage("a `code` b\n```sh\n# not a heading\nrun\n```\n# Real `one`\n");
  expect(page.codeSpans).toEqual([
    { text: "code", line: 1 },
    { text: "one", line: 6 },
  ]);
  expect(page.codeLines.map((line) => line.text)).toEqual(["# not a heading", "run"]);
  expect([...page.anchors]).toEqual(["real-one"]);
});
