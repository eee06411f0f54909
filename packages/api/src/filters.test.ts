import { expect, test } from "bun:test";
import { Filters } from "./filters.ts";

test("both forms", () => {
  expect(Filters.parse('{"a":["x","y","x"]}').get("a")).toEqual(["x", "y"]);
  expect(Filters.parse('{"a":{"x":true,"y":true}}').get("a")).toEqual(["x", "y"]);
  for (const none of [undefined, null, "", "{}", "null"]) expect(Filters.parse(none).size).toBe(0);
});

test("what is not filters, in Go's words", () => {
  for (const [text, sentence] of [
    ['{"foo"', "unexpected end of JSON input"],
    ["{foo}", "invalid character 'f' looking for beginning of object key string"],
    ["[]", "json: cannot unmarshal array into Go value of type map[string]map[string]bool"],
    ['{"label":"x"}', "json: cannot unmarshal string into Go value of type map[string]bool"],
    ['{"label":{"x":1}}', "json: cannot unmarshal number into Go value of type bool"],
    ['{"label":[1]}', "json: cannot unmarshal number into Go value of type string"],
  ] as const) {
    expect(() => Filters.parse(text)).toThrow(sentence);
  }
});

test("labels: all must match, with value or without", () => {
  const labels = { a: "1", b: "" };
  expect(Filters.parse('{"label":["a","b="]}').labels("label", labels)).toBe(true);
  expect(Filters.parse('{"label":["a=1","b=x"]}').labels("label", labels)).toBe(false);
  expect(Filters.parse('{"label":["constructor"]}').labels("label", labels)).toBe(false);
  expect(new Filters().labels("label", null)).toBe(true);
  expect(Filters.parse('{"label":["a"]}').labels("label", null)).toBe(false);
});

test("truth", () => {
  const dangling = (text: string) => Filters.parse(`{"dangling":${text}}`).boolean("dangling", false);
  expect([dangling('["1"]'), dangling('["true"]'), dangling('["0"]')]).toEqual([true, true, false]);
  expect(new Filters().boolean("dangling", true)).toBe(true);
  expect(() => dangling('["x"]')).toThrow("Invalid filter 'dangling=[x]'");
  expect(() => dangling('["true","false"]')).toThrow("Invalid filter 'dangling=[true false]'");
});

test("names are regular expressions or the name itself", () => {
  const name = (text: string, value: string) => new Filters([["name", [text]]]).pattern("name", value);
  expect(name("^/web$", "/web")).toBe(true);
  expect(name("we", "/web")).toBe(true);
  expect(name("a(", "a(")).toBe(true);
  expect(name("a(", "b")).toBe(false);
});

test("the query form is read back", () => {
  const filters = new Filters([["label", ["a=b"]]]).with("label", "c").with("name", "x");
  expect(Filters.parse(filters.toString()).toString()).toBe('{"label":["a=b","c"],"name":["x"]}');
});
