import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskStore } from "../storage/disk/disk-store.ts";
import { layersFolder } from "../storage/paths.ts";
import { createContext } from "./context.ts";
import { listRepositories } from "./listing.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-listing-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("repositories in the order of their names, whatever the folders are, and every page begins where the last one ended", async () => {
  const context = createContext(openDiskStore(root), () => ({ maxManifestBytes: 1 }));
  const names = ["a", "a-b", "a.c/d", "a/b", "a/b/c", "a0", "b/c", "b/c-d", "z"];
  for (const name of names) mkdirSync(join(root, layersFolder(name)), { recursive: true });
  const sorted = [...names].sort();
  const all = await listRepositories(context, { last: "" }, () => true);
  expect(all).toEqual({ entries: sorted, more: false });
  for (let count = 1; count <= names.length; count++) {
    const found: string[] = [];
    for (let more = true; more; ) {
      const page = await listRepositories(context, { last: found.at(-1) ?? "", count }, () => true);
      found.push(...page.entries);
      ({ more } = page);
    }
    expect(found).toEqual(sorted);
  }
  // A name that is not there begins a page too.
  const from = await listRepositories(context, { last: "a/a", count: 2 }, () => true);
  expect(from.entries).toEqual(["a/b", "a/b/c"]);
  const seen = await listRepositories(context, { last: "" }, (name) => name.startsWith("b"));
  expect(seen.entries).toEqual(["b/c", "b/c-d"]);
});
