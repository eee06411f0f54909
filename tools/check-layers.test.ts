import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkLayers, cycles, forbiddenBetweenPackages } from "./check-layers.ts";
import { importsOf } from "./imports.ts";
import { PACKAGES } from "./layers.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-layers-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Findings when the workspace holds these files. */
function findings(files: Record<string, string>): string[] {
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), source);
  }
  return checkLayers(root).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

test("imports are found in every form, and not in comments or templates", () => {
  const source = [
    'import a from "a";',
    "import {",
    "  b,",
    '} from "b";',
    'import type { C } from "c";',
    'import "d";',
    'export * from "e";',
    'export type { F } from "f";',
    'import g, { type H } from "g";',
    'const i = await import("i");',
    'import type from "j";',
    '// import k from "k";',
    '/* import l from "l"; */',
    'const t = `\nimport m from "m";\n`;',
    'export const n = "n";',
    'import * as o from "o";',
  ].join("\n");
  const names = (typeOnly: boolean) =>
    importsOf(source)
      .filter((one) => one.typeOnly === typeOnly)
      .map((one) => one.module);
  expect(names(true)).toEqual(["c", "f"]);
  expect(names(false)).toEqual(["a", "b", "d", "e", "g", "i", "j", "o"]);
  expect(importsOf(source).find((one) => one.module === "b")?.line).toBe(4);
  expect(
    importsOf(source)
      .filter((one) => one.dynamic)
      .map((one) => one.module),
  ).toEqual(["i"]);
});

test("downwards and along drawn edges is fine, everything else has a reason", () => {
  expect(forbiddenBetweenPackages("engine", "network")).toBeUndefined();
  expect(forbiddenBetweenPackages("image", "content")).toBeUndefined();
  expect(forbiddenBetweenPackages("content", "image")).toContain("no edge is drawn");
  expect(forbiddenBetweenPackages("network", "engine")).toContain("lower level");
  expect(forbiddenBetweenPackages("engine", "builder")).toContain("apps/daemon joins them");
  expect(forbiddenBetweenPackages("server", "engine")).toContain("declares the interface");
  expect(forbiddenBetweenPackages("compose", "client")).toBeUndefined();
  expect(forbiddenBetweenPackages("compose", "engine")).toContain("through client only");
  expect(forbiddenBetweenPackages("spec", "linux")).toContain("runs anywhere");
  expect(forbiddenBetweenPackages("nowhere", "base")).toContain("no level yet");
});

test("the table itself has no edge upwards", () => {
  for (const [name, layer] of Object.entries(PACKAGES)) {
    for (const other of layer.beside ?? [])
      expect([name, other, PACKAGES[other]?.level]).toEqual([name, other, layer.level]);
    for (const other of layer.only ?? []) expect(forbiddenBetweenPackages(name, other)).toBeUndefined();
  }
});

test("a package must not import upwards, sideways, an app, or another's inside", () => {
  expect(
    findings({
      "packages/base/src/a.ts": 'import { x } from "@berth/engine";\n',
      "packages/content/src/b.ts": 'import type { x } from "@berth/image";\n',
      "packages/engine/src/c.ts": 'import { x } from "@berth/app-daemon";\n',
      "packages/engine/src/d.ts": 'import { x } from "@berth/network/src/ports/proxy.ts";\n',
      "packages/engine/src/e.ts": 'import { x } from "../../network/src/index.ts";\n',
      "packages/engine/src/f.ts": 'import { x } from "@berth/engine";\n',
      "packages/engine/src/good.ts": 'import { x } from "@berth/network";\nimport { y } from "./h.ts";\n',
      "packages/engine/src/h.ts": "export const y = 1;\n",
      "packages/network/src/index.ts": "export const x = 1;\n",
    }),
  ).toEqual([
    "packages/base/src/a.ts:1: packages/base must not import @berth/engine: imports point to a lower level: base is 0, engine is 3",
    "packages/content/src/b.ts:1: packages/content must not import @berth/image: both are of level 2, and no edge is drawn between them in tools/layers.ts",
    "packages/engine/src/c.ts:1: @berth/app-daemon: nothing imports apps, except apps/berth the programs that it picks from",
    "packages/engine/src/d.ts:1: @berth/network/src/ports/proxy.ts: a package is entered by its name only, so that its inside can change",
    "packages/engine/src/e.ts:1: ../../network/src/index.ts leaves packages/engine: import other packages by name",
    "packages/engine/src/f.ts:1: @berth/engine: inside a package, import by relative path",
  ]);
});

test("apps: only the executable picks programs, and a command line knows no engine", () => {
  expect(
    findings({
      "apps/berth/src/main.ts": 'await import("@berth/app-cli");\nimport { x } from "@berth/engine";\n',
      "apps/cli/src/main.ts": 'import { x } from "@berth/engine";\nimport { y } from "@berth/app-daemon";\n',
      "apps/daemon/src/main.ts": 'import { x } from "@berth/engine";\n',
    }),
  ).toEqual([
    "apps/berth/src/main.ts:2: apps/berth must not import @berth/engine: it only picks the program",
    "apps/cli/src/main.ts:1: apps/cli must not import @berth/engine: a command line talks to the daemon through client only; with registry it reads and writes manifests itself, as Docker's does",
    "apps/cli/src/main.ts:2: @berth/app-daemon: nothing imports apps, except apps/berth the programs that it picks from",
  ]);
});

test("the kernel and the database have one door each", () => {
  expect(
    findings({
      "packages/network/src/a.ts": 'import { dlopen } from "bun:ffi";\n',
      "packages/network/src/a.test.ts": 'import { dlopen } from "bun:ffi";\n',
      "packages/linux/src/a.ts": 'import { dlopen } from "bun:ffi";\n',
      "packages/image/src/a.ts": 'import { Database } from "bun:sqlite";\n',
    }),
  ).toEqual([
    "packages/image/src/a.ts:1: bun:sqlite is only for packages/state: packages/state is the one metadata store",
    "packages/network/src/a.ts:1: bun:ffi is only for packages/linux: packages/linux is the only access to the kernel",
  ]);
});

test("names that say nothing, missing modules and modules of many purposes", () => {
  expect(
    findings({
      "packages/base/src/utils.ts": "\n",
      "packages/base/src/long.ts": "\n".repeat(501),
      "packages/base/src/dangling.ts": 'import "./gone.ts";\n',
    }),
  ).toEqual([
    "packages/base/src/dangling.ts:1: ./gone.ts does not exist",
    "packages/base/src/long.ts:500: 501 lines, more than 500: it has more than one purpose",
    "packages/base/src/utils.ts:1: a module named utils.ts collects everything: name what it does",
  ]);
});

test("cycles are found once; imports of types and lazy imports make none", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", []],
  ]);
  expect(cycles(graph)).toEqual([["a", "b", "c"]]);
  expect(
    findings({
      "packages/base/src/a.ts": 'import { b } from "./b.ts";\nexport const a = b;\n',
      "packages/base/src/b.ts":
        'import type { a } from "./a.ts";\nexport const b = 1;\nvoid import("./a.ts");\n',
    }),
  ).toEqual([]);
  expect(
    findings({ "packages/base/src/b.ts": 'import { a } from "./a.ts";\nexport const b = a;\n' }),
  ).toEqual([
    "packages/base/src/a.ts:1: import cycle: packages/base/src/a.ts → packages/base/src/b.ts → packages/base/src/a.ts",
  ]);
});
