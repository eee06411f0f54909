import { describe, expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import {
  familiarReference,
  formatReference,
  matchesPattern,
  parseAnyReference,
  parseReference,
  withDefaultTag,
} from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);

const VALID: [string, string, string][] = [
  ["busybox", "docker.io/library/busybox", "busybox"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["library/busybox", "docker.io/library/busybox", "busybox"],
  ["docker.io/busybox", "docker.io/library/busybox", "busybox"],
  ["index.docker.io/library/busybox:a", "docker.io/library/busybox:a", "busybox:a"],
  ["user/app", "docker.io/user/app", "user/app"],
  ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
  ["localhost/app", "localhost/app", "localhost/app"],
  ["localhost:5000/a/b:tag", "localhost:5000/a/b:tag", "localhost:5000/a/b:tag"],
  ["localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"],
  ["Host/app", "Host/app", "Host/app"],
  ["[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"],
  [
    "registry.example.com:443/x__y/z-_--a".replace("-_--", "---"),
    "registry.example.com:443/x__y/z---a",
    "registry.example.com:443/x__y/z---a",
  ],
  [`a:b@sha256:${HEX}`, `docker.io/library/a:b@sha256:${HEX}`, `a:b@sha256:${HEX}`],
  [`quay.io/a@sha256:${HEX}`, `quay.io/a@sha256:${HEX}`, `quay.io/a@sha256:${HEX}`],
  ["a.b/c", "a.b/c", "a.b/c"],
  ["x:_.-", "docker.io/library/x:_.-", "x:_.-"],
  [HEX.slice(1), `docker.io/library/${HEX.slice(1)}`, HEX.slice(1)],
];

const INVALID: [string, string][] = [
  ["", "invalid reference format"],
  [":tag", "invalid reference format"],
  ["a:", "invalid reference format"],
  ["a::b", "invalid reference format"],
  ["a b", "invalid reference format"],
  ["a/", "invalid reference format"],
  ["/a", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["a..b", "invalid reference format"],
  ["-a", "invalid reference format"],
  ["a_-b", "invalid reference format"],
  ["a___b", "invalid reference format"],
  ["a:.b", "invalid reference format"],
  [`a:${"t".repeat(129)}`, "invalid reference format"],
  ["a@sha256:abc", "invalid reference format"],
  ["ünïcode", "invalid reference format"],
  ["a\n", "invalid reference format"],
  ["-x.y/a", "invalid reference format"],
  ["Foo", "invalid reference format: repository name (library/Foo) must be lowercase"],
  ["localhost/Foo:tag", "invalid reference format: repository name (Foo) must be lowercase"],
  [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
  [`a@sha256:${HEX.slice(2)}`, "invalid checksum digest length"],
  [`a@sha512:${HEX}${HEX}`, "unsupported digest algorithm"],
  ["a/".repeat(128) + "a", "repository name must not be more than 255 characters"],
  ["a".repeat(5000), "invalid reference format"],
];

describe("parseReference", () => {
  test.each(VALID)("%s", (text, full, familiar) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(full);
    expect(familiarReference(reference)).toBe(familiar);
    expect(parseReference(full)).toEqual(reference);
    expect(parseReference(familiar)).toEqual(reference);
  });

  test.each(INVALID)("refuses %j", (text, message) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ message, kind: "invalid-parameter" }),
    );
  });

  test("whatever it takes survives a round trip; it throws nothing but BerthError", () => {
    const alphabet = [
      "a",
      "b",
      "0",
      "9",
      "A",
      ".",
      "_",
      "-",
      "/",
      ":",
      "@",
      "[",
      "]",
      "sha256",
      "localhost",
      "é",
      " ",
    ];
    let taken = 0;
    for (let seed = 1; seed < 40_000; seed++) {
      let state = seed * 2654435761;
      let text = "";
      for (let n = 0; n < 1 + (seed % 9); n++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        text += alphabet[(state >>> 8) % alphabet.length];
      }
      try {
        const reference = parseReference(text);
        taken++;
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(familiarReference(reference))).toEqual(reference);
        expect(formatReference(reference)).toMatch(/^[\w.:[\]@/-]+$/);
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
      }
    }
    expect(taken).toBeGreaterThan(1000);
  });

  test("takes linear time on long hostile texts", () => {
    const start = performance.now();
    for (const part of ["a-", "a_", "a.", "a/", "0", "a-.", "[:", "@:"]) {
      for (const end of ["", "!", "/", ":"])
        expect(() => parseReference(part.repeat(1 << 16) + end)).toThrow();
    }
    for (const part of ["a-", "a_", "a", "a.a-"])
      expect(() => parseReference(`${part.repeat(250)}!`)).toThrow();
    expect(performance.now() - start).toBeLessThan(500);
  });
});

test("parseAnyReference tells ids from names", () => {
  expect(parseAnyReference(HEX)).toEqual({ digest: `sha256:${HEX}` });
  expect(parseAnyReference(`sha256:${HEX}`)).toEqual({ digest: `sha256:${HEX}` });
  expect(parseAnyReference("abc123")).toEqual({ name: { domain: "docker.io", path: "library/abc123" } });
});

test("withDefaultTag", () => {
  expect(withDefaultTag(parseReference("a")).tag).toBe("latest");
  expect(withDefaultTag(parseReference("a:b")).tag).toBe("b");
  expect(withDefaultTag(parseReference(`a@sha256:${HEX}`)).tag).toBeUndefined();
});

test("matchesPattern follows Go's path.Match on the familiar name", () => {
  const match = (pattern: string, name: string) => matchesPattern(pattern, parseReference(name));
  expect(match("busybox", "busybox:1.36")).toBe(true);
  expect(match("busy*", "busybox:1.36")).toBe(true);
  expect(match("busybox:1.*", "busybox:1.36")).toBe(true);
  expect(match("*", "user/app:1")).toBe(false);
  expect(match("*/*", "user/app:1")).toBe(true);
  expect(match("*:latest", "user/app:latest")).toBe(false);
  expect(match("b[a-u]sybox", "busybox:1")).toBe(true);
  expect(match("b[^a-u]sybox", "busybox:1")).toBe(false);
  expect(match("b\\*x", "busybox:1")).toBe(false);
  expect(match("registry.example:5000/*/b", "registry.example:5000/a/b")).toBe(true);
  expect(match("BUSYBOX", "busybox")).toBe(false);
  for (const bad of ["[", "[]a]", "[a", "a\\", "[a-]", "[-x]"])
    expect(() => match(bad, "busybox")).toThrow("syntax error");
  // What would make a naive matcher run away.
  expect(match(`${"*a".repeat(200)}b`, `${"a".repeat(200)}`)).toBe(false);
});
