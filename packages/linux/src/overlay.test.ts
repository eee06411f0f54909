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
import { MNT, umount2 } from "./mount.ts";
import { forgetVolatile, mountOverlay } from "./overlay.ts";

let folder: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-overlay-"));
  target = join(folder, "target");
  mkdirSync(target);
});
afterEach(() => {
  try {
    umount2(target, MNT.DETACH);
  } catch {
    // The test did not get as far as mounting.
  }
  rmSync(folder, { recursive: true });
});

function layer(name: string, files: Record<string, string>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test("upper layers hide lower ones, writes go to the upper", () => {
  const lower = [layer("top", { same: "top" }), layer("base", { same: "base", only: "base" })];
  const upper = layer("upper", {});
  mountOverlay({ lower, upper, work: layer("work", {}) }, target);
  expect(readFileSync(join(target, "same"), "utf8")).toBe("top");
  expect(readFileSync(join(target, "only"), "utf8")).toBe("base");
  writeFileSync(join(target, "new"), "x");
  expect(readFileSync(join(upper, "new"), "utf8")).toBe("x");
});

test("a volatile mount can follow another once it is forgotten, and finds what that one wrote", () => {
  const layers = { lower: [layer("base", {})], upper: layer("upper", {}), work: layer("work", {}) };
  forgetVolatile(layers.work);
  mountOverlay({ ...layers, volatile: true }, target);
  writeFileSync(join(target, "new"), "x");
  umount2(target);
  expect(() => mountOverlay({ ...layers, volatile: true }, target)).toThrow();
  forgetVolatile(layers.work);
  mountOverlay({ ...layers, volatile: true }, target);
  expect(readFileSync(join(target, "new"), "utf8")).toBe("x");
});

test("paths with characters of the option syntax are taken literally", () => {
  const lower = [layer("a:b,c\\d", { file: "x" }), layer("base", {})];
  mountOverlay({ lower }, target);
  expect(readdirSync(target)).toEqual(["file"]);
});

test("127 layers with long names fit", () => {
  const deep = `layers-${"x".repeat(40)}`;
  const lower = Array.from({ length: 127 }, (_, i) => layer(`${deep}/${i}`, { [`file${i}`]: String(i) }));
  mountOverlay({ lower, upper: layer("upper", {}), work: layer("work", {}) }, target);
  expect(readdirSync(target).length).toBe(127);
  expect(existsSync(join(target, "file126"))).toBe(true);
});
