// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates are what is tested
import { expect, test } from "bun:test";
import { InvalidTemplate, substitute } from "./template.ts";

const VALUES: Readonly<Record<string, string>> = { SET: "val", EMPTY: "" };
const replace = (template: string) =>
  substitute(template, { lookup: (name) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined) });

// What Docker Compose 2.26.1 makes of each.
test.each([
  ["$", "$"],
  ["a$ b", "a$ b"],
  ["$1", "$1"],
  ["$$", "$"],
  ["$$$SET", "$val"],
  ["$$SET", "$SET"],
  ["${SET:-}", "val"],
  ["${UN:-$SET}", "val"],
  ["${UN:-${UN2:-c}}", "c"],
  ["${UN:-a}b}", "ab}"],
  ["${UN-d}", "d"],
  ["${EMPTY-d}", ""],
  ["${EMPTY:-d}", "d"],
  ["${SET+r}", "r"],
  ["${EMPTY+r}", "r"],
  ["${EMPTY:+r}", ""],
  ["${UN+r}", ""],
  ["${EMPTY?e}", ""],
  ["${UN:-a:-b}", "a:-b"],
  ["${UN:-$$x}", "$x"],
  ["$SET-x", "val-x"],
  ["${SET}x$SET", "valxval"],
  ["$SETx", ""],
  ["${UN:-{a}}", "{a}"],
  ['${UN:-{"a": "b"}}', '{"a": "b"}'],
  ["${SET:+${UN:-y}}", "y"],
  ["${UN:-a?b}", "a?b"],
  ["$é$(x)$.$-$}", "$é$(x)$.$-$}"],
  ["${UN:-x$}", "x$"],
])("%s is %s", (template, expected) => {
  expect(replace(template)).toBe(expected);
});

test.each(["${", "${}", "${1}", "${SET }", "${ SET}", "${a.b}", "${SET:x}", "x${FOO"])(
  "%s is no template",
  (template) => {
    expect(() => replace(template)).toThrow(InvalidTemplate);
  },
);

test.each([
  ["${UN:?must be $SET}", "required variable UN is missing a value: must be val"],
  ["${EMPTY:?e}", "required variable EMPTY is missing a value: e"],
  ["${UN?}", "required variable UN is missing a value"],
])("%s says %s", (template, message) => {
  expect(() => replace(template)).toThrow(message);
});

test("any text with its dollars doubled is itself", () => {
  let seed = 7;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };
  const pieces = ["$", "{", "}", ":-", "?", "+", "A", "a b", "é", "\n", "$$", "${"];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]!).join("");
    expect(replace(text.replaceAll("$", "$$$$"))).toBe(text);
    try {
      replace(text);
    } catch (error) {
      expect(
        error instanceof InvalidTemplate || (error as Error).message.startsWith("required variable"),
      ).toBe(true);
    }
  }
});

test("nesting has a limit", () => {
  expect(() => replace("${A:-".repeat(1000) + "}".repeat(1000))).toThrow(InvalidTemplate);
});
