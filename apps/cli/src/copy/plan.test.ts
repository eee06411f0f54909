import { expect, test } from "bun:test";
import { keepName, linkedPath, splitEntry } from "./paths.ts";
import { planCopy, renamed } from "./plan.ts";

const file = { path: "/c/f", isDirectory: false, name: undefined };
const tree = { path: "/c/d", isDirectory: true, name: undefined };
const missing = (path: string) => ({ path, exists: false, isDirectory: false });

test("into a folder that is there nothing gets another name", () => {
  const plan = planCopy(tree, { path: "/to", exists: true, isDirectory: true });
  expect(plan).toEqual({ folder: "/to", rename: undefined });
});

test("otherwise the copy has the name that was given", () => {
  expect(planCopy(tree, missing("/to/new"))).toEqual({ folder: "/to", rename: { from: "d", to: "new" } });
  expect(planCopy(tree, missing("/to/new/"))).toEqual({ folder: "/to", rename: { from: "d", to: "new" } });
  expect(planCopy({ ...file, name: "link" }, missing("/to/new")).rename).toEqual({ from: "link", to: "new" });
});

test("a folder does not replace a file, a file makes no folder", () => {
  const there = { path: "/to/f", exists: true, isDirectory: false };
  expect(() => planCopy(tree, there)).toThrow("cannot copy directory");
  expect(() => planCopy(file, missing("/to/new/"))).toThrow("no such directory");
});

test("only the topmost name changes", () => {
  const rename = { from: "a", to: "b" };
  expect(["a", "a/", "a/a/x", "ab", "c/a"].map((name) => renamed(name, rename))).toEqual([
    "b",
    "b/",
    "b/a/x",
    "ab",
    "c/a",
  ]);
  expect(renamed("./x", { from: ".", to: "new" })).toBe("new/x");
  expect(renamed("/etc/x", { from: "/", to: "root" })).toBe("root/etc/x");
});

test("what the end of a path says", () => {
  expect(splitEntry("/a/b/.")).toEqual({ folder: "/a/b", name: "." });
  expect(splitEntry("/a/b/")).toEqual({ folder: "/a", name: "b" });
  expect(splitEntry("/")).toEqual({ folder: "/", name: "/" });
  expect(linkedPath("/a/link", "../b")).toBe("/b");
  expect(keepName("/a/link/.", "/b")).toEqual({ path: "/b/.", name: undefined });
  expect(keepName("/a/link", "/b")).toEqual({ path: "/b", name: "link" });
});
