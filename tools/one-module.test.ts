import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asOneModule, type OneModuleOptions } from "./one-module.ts";

const root = mkdtempSync(join(tmpdir(), "one-module-"));
mkdirSync(join(root, "src"));
afterAll(() => rmSync(root, { recursive: true }));

const bundle = async (files: Record<string, string>, options?: OneModuleOptions) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "src", name), text);
  return await asOneModule("src/main.ts", { root, target: "bun", format: "esm" }, options);
};

/** What the bundle's `main` returns. */
const result = async (text: string): Promise<unknown> => {
  const path = join(root, `${Bun.hash(text)}.mjs`);
  writeFileSync(path, text);
  return await (await import(path)).main();
};

const rare = 'import { sep } from "node:path";\nexport const rare = () => sep;\n';

describe("a program as one module", () => {
  test("what is part of the start is imported only once, also by those who import it later", async () => {
    const text = await bundle({
      "main.ts":
        'import "./often.ts";\nexport async function main() {\n  const { often: name } = await import("./often.ts");\n  return name;\n}\n',
      "often.ts": 'export const often = "often";\n',
    });
    expect(text).not.toContain("Promise");
    expect(await result(text)).toBe("often");
  });

  test("what is imported late is evaluated there, with the runtime's modules that it uses", async () => {
    const text = await bundle({
      "main.ts":
        'export async function main() {\n  const { rare } = await import("./rare.ts");\n  return rare();\n}\n',
      "rare.ts": rare,
    });
    expect(text).not.toMatch(/^import /m);
    expect(await result(text)).toBe("/");
  });

  test("what is apart is asked for where it lies", async () => {
    const place = join(root, "elsewhere.mjs");
    writeFileSync(place, 'export const rare = () => "elsewhere";\n');
    const text = await bundle(
      {
        "main.ts": 'export const main = async () => (await import("./rare.ts")).rare();\n',
        "rare.ts": rare,
      },
      { apart: new Map([["src/rare.ts", place]]) },
    );
    expect(text).not.toContain("sep");
    expect(await result(text)).toBe("elsewhere");
  });

  test("what loads the runtime's modules at the start is refused", async () => {
    const files = { "main.ts": 'export { rare as main } from "./rare.ts";\n', "rare.ts": rare };
    await expect(bundle(files)).rejects.toThrow("src/main.ts would load at every start: node:path");
    expect(await result(await bundle(files, { startsSlowly: true }))).toBe("/");
  });
});
