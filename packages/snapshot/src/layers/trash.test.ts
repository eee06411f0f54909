import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MNT, mount, umount2 } from "@berth/linux";
import { Trash } from "./trash.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-trash-"));
  folder = join(root, "trash");
});
afterEach(() => rmSync(root, { recursive: true }));

function tree(name: string): string {
  const path = join(root, name);
  mkdirSync(join(path, "a/b"), { recursive: true });
  writeFileSync(join(path, "a/b/file"), "x");
  return path;
}

test("takes a tree at once, and deletes it", async () => {
  await using trash = new Trash(folder);
  const path = tree("one");
  trash.take(path);
  expect(existsSync(path)).toBe(false);
  await trash.empty();
  expect(readdirSync(folder)).toEqual([]);
});

test("what cannot be deleted yet is tried again, and holds up neither other trees nor the end", async () => {
  const trash = new Trash(folder);
  const busy = tree("busy");
  mount("none", join(busy, "a/b"), "tmpfs");
  try {
    trash.take(busy);
    trash.take(tree("free"));
    await trash.empty();
    expect(readdirSync(folder)).toHaveLength(1);
    await trash.empty();
    expect(readdirSync(folder)).toHaveLength(1);
  } finally {
    umount2(join(existsSync(busy) ? busy : join(folder, readdirSync(folder)[0]!), "a/b"), MNT.DETACH);
  }
  // Nothing more is taken, nobody asks.
  for (const deadline = Date.now() + 20_000; readdirSync(folder).length > 0; await Bun.sleep(20))
    expect(Date.now()).toBeLessThan(deadline);
  await trash[Symbol.asyncDispose]();
});

test("what an earlier process left is deleted", async () => {
  mkdirSync(join(folder, "1-x-1/deep"), { recursive: true });
  await using trash = new Trash(folder);
  await trash.empty();
  expect(readdirSync(folder)).toEqual([]);
});

test("the end does not wait for a long deletion; the next start goes on with it", async () => {
  const endless = ["sh", "-c", `echo $$ > ${root}/pid; exec sleep 1000`];
  const ending = new Trash(folder, endless);
  ending.take(tree("large"));
  const started = Date.now();
  await ending[Symbol.asyncDispose]();
  expect(Date.now() - started).toBeLessThan(20_000);
  const pid = Number(readFileSync(join(root, "pid"), "utf8"));
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(readdirSync(folder)).toHaveLength(1);
  await using trash = new Trash(folder);
  await trash.empty();
  expect(readdirSync(folder)).toEqual([]);
}, 60_000);
