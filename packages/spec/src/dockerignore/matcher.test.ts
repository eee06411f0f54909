import { describe, expect, test } from "bun:test";
import { IgnoreMatcher, type IgnoreState } from "./matcher.ts";
import { PathPattern } from "./pattern.ts";
import { cleanPattern, ignoreFileNames, readIgnoreFile } from "./read.ts";

describe("one pattern", () => {
  const cases: readonly [pattern: string, path: string, matches: boolean][] = [
    ["**", "file", true],
    ["**/", "dir/file", true],
    ["**/file", "dir/file", true],
    ["**/file", "file", true],
    ["**file", "dirfile", true],
    ["**/file", "dirfile", false],
    ["dir/**", "dir/file", true],
    ["dir/**", "dir", false],
    ["**/dir2/*", "dir/dir2/file", true],
    ["**/dir2/**", "dir/dir2/dir2/file", true],
    ["a**/*.txt", "abc/def.txt", true],
    ["a**/*.txt", "abc.txt", true],
    ["*/*.txt", "a/b/c.txt", false],
    ["a[b-d]e", "ace", true],
    ["a[^b-d]e", "aze", true],
    ["a[\\-x]", "a-", true],
    ["a?c", "a/c", false],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["abc.def", "abcZdef", false],
    ["a(b)c|d", "a(b)c|d", true],
    ["**/foo/bar", "foo/bar", true],
    ["foo/**/bar/*.x", "foo/a/b/bar/c.x", true],
    ["**/a*c*e", "x/abcde", true],
    [".*", ".foo", true],
    [".*", "foo", false],
  ];
  for (const [pattern, path, matches] of cases) {
    test(`${pattern} ${matches ? "matches" : "does not match"} ${path}`, () =>
      expect(new PathPattern(cleanPattern(pattern)).matches(path)).toBe(matches));
  }
  for (const pattern of ["[", "[^", "[^]", "a[", "[a-", "[-]", "\\", "[]a]"]) {
    test(`${pattern} is none`, () =>
      expect(() => new PathPattern(pattern)).toThrow("syntax error in pattern"));
  }
  test("cannot run away", () => {
    const pattern = new PathPattern(`${"*a".repeat(100)}b`);
    expect(pattern.matches("a".repeat(4000))).toBe(false);
  });
});

describe("lists", () => {
  const cases: readonly [patterns: string[], path: string, excluded: boolean][] = [
    [["node_modules"], "node_modules/a/b", true],
    [["node_modules"], "x/node_modules", false],
    [["docs", "!docs/README.md"], "docs/README.md", false],
    [["docs", "!docs/README.md"], "docs/other", true],
    [["!docs/README.md", "docs"], "docs/README.md", true],
    [["*", "!src", "src/gen"], "src/a.c", false],
    [["*", "!src", "src/gen"], "src/gen/x", true],
    [["*", "!src", "src/gen"], "LICENSE", true],
    [["**/*.log", "!keep.log"], "a/keep.log", true],
    [["**/*.log", "!**/keep.log"], "a/keep.log", false],
    [["/abs/"], "abs/x", true],
    [["./a/../b"], "b", true],
    [["a b "], "a b", true],
  ];
  for (const [patterns, path, excluded] of cases) {
    test(`${patterns.join(" ")}: ${path}`, () =>
      expect(new IgnoreMatcher(patterns).excludes(path)).toBe(excluded));
  }
  test("an exception from nothing", () => {
    expect(() => new IgnoreMatcher(["!"])).toThrow('illegal exclusion pattern: "!"');
  });
});

test("the file", () => {
  expect(readIgnoreFile("\uFEFF# c\n #d\n\r\n  /a/b/ \r\n! c/./d\n!\n*/x//y\n")).toEqual([
    "#d",
    "a/b",
    "!c/d",
    "!",
    "*/x/y",
  ]);
  expect(ignoreFileNames("sub/Dockerfile")).toEqual(["sub/Dockerfile.dockerignore", ".dockerignore"]);
});

test("a walk that leaves folders out finds what a look at every path finds", () => {
  const names = ["a", "b", "ab", "c.md", "d"];
  const paths: string[] = [];
  const add = (folder: string, depth: number) => {
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      paths.push(path);
      if (depth > 1) add(path, depth - 1);
    }
  };
  add("", 3);
  const lists = [
    ["a", "!a/b"],
    ["*", "!*.md"],
    ["*", "!**/c.md"],
    ["**/a", "!a/*/ab"],
    ["a/**", "!a/b/c.md", "b*", "!ab"],
    ["*/*", "!a/b", "**/d"],
    ["**", "!b/a?/[a-c]*", "!d"],
    ["a", "!a"],
  ];
  for (const patterns of lists) {
    const matcher = new IgnoreMatcher(patterns);
    const walked: string[] = [];
    let visited = 0;
    const walk = (folder: string, state: IgnoreState) => {
      for (const path of paths.filter(
        (each) => each.slice(0, Math.max(0, each.lastIndexOf("/"))) === folder,
      )) {
        visited++;
        const verdict = matcher.check(path, state);
        if (!verdict.excluded) walked.push(path);
        if (!verdict.prune) walk(path, verdict.state);
      }
    };
    walk("", matcher.root);
    const expected = paths.filter((path) => !matcher.excludes(path));
    expect({ patterns, paths: walked.sort() }).toEqual({ patterns, paths: expected.sort() });
    if (patterns[1] === "!*.md") expect(visited).toBe(names.length + names.length ** 2 + names.length);
  }
});
