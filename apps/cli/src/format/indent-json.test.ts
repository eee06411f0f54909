import { expect, test } from "bun:test";
import { indentJson } from "./indent-json.ts";

const VALUES: unknown[] = [
  { a: [1, { b: "x,y:{[]}" }], c: {}, d: [], e: '"\\', f: null },
  [],
  [[[]], {}],
  "text",
];

test.each(VALUES.map((value) => ({ value })))("sets %j as JSON.stringify does", ({ value }) => {
  expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 4));
  expect(indentJson(JSON.stringify(value, null, 1))).toBe(JSON.stringify(value, null, 4));
});

test("values stay as they are written", () => {
  expect(indentJson('{"n":12345678901234567890,"s":"\\u003c"}')).toBe(
    '{\n    "n": 12345678901234567890,\n    "s": "\\u003c"\n}',
  );
});

test("a depth that nothing has is refused", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(indentJson(nested(1000)).replace(/\s/g, "")).toBe(nested(1000));
  expect(() => indentJson(nested(1002))).toThrow("too deep");
});
