import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { absolutePath } from "./absolute-path.ts";

const PATHS = [
  "",
  ".",
  "./",
  "a",
  "a/b",
  "a/",
  "a//b",
  "./a",
  "../a",
  "a/../b",
  ".a/b",
  "/",
  "/a",
  "/a/",
  "/a/./b",
  "/..",
  "//a",
];

test.each(PATHS)("%p is made absolute as node:path does it", (path) => {
  expect(absolutePath(path)).toBe(resolve(path));
});
