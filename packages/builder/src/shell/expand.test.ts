import { describe, expect, test } from "bun:test";
import { expand } from "./expand.ts";

const VALUES: Readonly<Record<string, string>> = { a: "one", empty: "", path: "/x/y/x.tar.gz", s: "a b  c" };
const variables = { get: (name: string) => VALUES[name], keys: () => Object.keys(VALUES) };
const value = (text: string) => expand(text, variables).value;

describe("operators", () => {
  const cases: readonly [text: string, expected: string][] = [
    ["$a ${a} $", "one one $"],
    ["$none|${none}", "|"],
    ["${empty:-w} ${empty-w} ${none-w} ${a:-w}", "w  w one"],
    ["${empty:+w}|${empty+w}|${none+w}|${a:+w}", "|w||w"],
    ["${a:?w} ${empty?w}", "one "],
    ["${none:-$a} ${none:-${none:-x}}", "one x"],
    ["${path#*/}|${path##*/}|${path%.*}|${path%%.*}", "x/y/x.tar.gz|x.tar.gz|/x/y/x.tar|/x/y/x"],
    ["${path/x/z}|${path//x/z}|${path//\\//_}", "/z/y/x.tar.gz|/z/y/z.tar.gz|_x_y_x.tar.gz"],
    ['\\$a \\${a} \'$a\' "$a" "\\$a"', "$a ${a} $a one $a"],
    ["a\\ b \"c\\d\" '\\'", "a b c\\d \\"],
    ["$a_ $1x $$", " x "],
  ];
  for (const [text, expected] of cases) test(text, () => expect(value(text)).toBe(expected));
});

test("words are split where blanks were not quoted", () => {
  expect(expand('$s "$s" x', variables).words).toEqual(["a", "b", "c", "a b  c", "x"]);
});

test("names that had a value, and that had none", () => {
  const { used, missing } = expand("$a ${none:-x} $path", variables);
  expect([...used]).toEqual(["a", "path"]);
  expect([...missing]).toEqual(["none"]);
});

test("kept as written", () => {
  const options = { keepUnset: true, rawQuotes: true };
  expect(expand("'x' \"$a\" $none ${none} ${none:-w}", variables, options).value).toBe(
    "'x' \"one\" $none ${none} ${none:-w}",
  );
});

test("another escape character", () => {
  expect(expand("`$a \\x", variables, { escapeToken: "`" }).value).toBe("$a \\x");
});

describe("refused", () => {
  const cases: readonly [text: string, message: string][] = [
    ["${a", "syntax error: missing '}'"],
    ["${", "syntax error: missing '}'"],
    ["${}", "syntax error: bad substitution"],
    ["${:a}", "syntax error: bad substitution"],
    ["${a!b}", "unsupported modifier (!) in substitution"],
    ["${a:=b}", "unsupported modifier (:=) in substitution"],
    ["${none:?}", "none: is not allowed to be unset"],
    ["${empty:?}", "empty: is not allowed to be empty"],
    ["${none?gone}", "none: gone"],
    ["'a", "unexpected end of statement while looking for matching single-quote"],
    ['"a', "unexpected end of statement while looking for matching double-quote"],
    ["${a/x}", "syntax error: missing '/' in ${}"],
  ];
  for (const [text, message] of cases) {
    test(text, () =>
      expect(() => value(text)).toThrow(`failed to process ${JSON.stringify(text)}: ${message}`),
    );
  }
  test("a bomb", () => {
    let text = "x".repeat(1000);
    const bomb = { get: () => text, keys: () => [] };
    expect(() => {
      for (let round = 0; round < 40; round++) text = expand("$a$a", bomb).value;
    }).toThrow("expanded text is too long");
    expect(() => value("${a:-".repeat(5000))).toThrow("nested too deeply");
  });
});

test("patterns mean what they mean in bash", () => {
  const random = generator(4);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const text = (alphabet: string, most: number) =>
    Array.from({ length: Math.floor(random() * most) }, () => pick([...alphabet])).join("");
  const cases: { value: string; text: string }[] = [];
  while (cases.length < 1500) {
    const pattern = text("ab*?.", 6);
    const operator = pick(["#", "##", "%", "%%", "/", "//"]);
    if (operator.startsWith("/") && (pattern === "" || /^[*?]*\*[*?]*$/.test(pattern))) continue;
    if (operator.startsWith("/") && /^[#%]/.test(pattern)) continue;
    const tail = operator.startsWith("/") ? `${pattern}/${text("xy", 3)}` : pattern;
    cases.push({ value: text("ab.", 12), text: `\${v${operator}${tail}}` });
  }
  const script = cases.map((each) => `v='${each.value}'; printf '%s\\n' "${each.text}"`).join("\n");
  const bash = Bun.spawnSync(["bash", "--norc", "-s"], { stdin: Buffer.from(script) });
  const expected = bash.stdout.toString().split("\n");
  for (const [at, each] of cases.entries()) {
    const own = expand(each.text, { get: () => each.value, keys: () => [] }).value;
    expect(`${each.value} ${each.text} ${own}`).toBe(`${each.value} ${each.text} ${expected[at]}`);
  }
});

test("a pattern cannot run away", () => {
  const long = "a".repeat(20_000);
  const started = performance.now();
  expect(expand(`\${v##${"*a".repeat(200)}b}`, { get: () => long, keys: () => [] }).value).toBe(long);
  expect(performance.now() - started).toBeLessThan(20_000);
});

/** Mulberry32: the same numbers in each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
