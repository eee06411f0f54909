import { describe, expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import { plainTree } from "../print/tree.ts";
import { toYaml } from "../print/yaml.ts";
import { parseYaml } from "./parse.ts";

const read = (text: string) => parseYaml(text)[0]?.value;

describe("YAML", () => {
  test("scalars are what Compose takes them for", () => {
    expect(
      read(
        "{a: 010, b: 0o10, c: 0x1F, d: 1_000, e: 1.0, f: yes, g: ~, h: true, i: 12:30, j: 1e3, k: '1', l: 089, m: .5}",
      ),
    ).toEqual({
      a: 8,
      b: 8,
      c: 31,
      d: 1000,
      e: 1,
      f: "yes",
      g: null,
      h: true,
      i: "12:30",
      j: 1000,
      k: "1",
      l: 89,
      m: 0.5,
    });
    expect(String((read("a: 2001-01-01") as { a: unknown }).a)).toBe("2001-01-01 00:00:00 +0000 UTC");
    expect((read("a: 12345678901234567890") as { a: unknown }).a).toBe(12345678901234567890n);
  });

  test("anchors, aliases and merge keys", () => {
    expect(read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4, x: 9}]}")).toEqual({
      a: { x: 1, y: 2 },
      b: { x: 1, y: 3 },
      c: { x: 1, y: 2, z: 4 },
    });
  });

  test("!reset takes away, !override stays; both tell where", () => {
    const [document] = parseYaml("a: {b: !reset [1], c: !override [2]}\n");
    expect(document?.value).toEqual({ a: { c: [2] } });
    expect(document?.tags).toEqual([
      { tag: "!reset", path: ["a", "b"] },
      { tag: "!override", path: ["a", "c"] },
    ]);
  });

  test.each([
    ["a: 1\nb: 2\na: 3", 'yaml: unmarshal errors:\n  line 3: mapping key "a" already defined at line 1'],
    ["a: *b", "yaml: unknown anchor 'b' referenced"],
    ["a: &a [*a]", "yaml: anchor 'a' value contains itself"],
    ["<<: 1", "yaml: map merge requires map or sequence of maps as the value"],
    ["__proto__: {x: 1}", 'yaml: mapping key "__proto__" is not allowed'],
  ])("%s is refused", (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("a bomb of aliases is refused before it goes off", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let at = 1; at < 12; at++) {
      lines.push(`a${at}: &a${at} [${Array.from({ length: 10 }, () => `*a${at - 1}`).join(", ")}]`);
    }
    const started = performance.now();
    expect(() => read(lines.join("\n"))).toThrow("yaml: document contains excessive aliasing");
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("depth has a limit", () => {
    expect(() => read("[".repeat(10_000))).toThrow(BerthError);
  });

  let seed = 11;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };

  test("what is printed reads back the same", () => {
    const words = [
      "",
      " ",
      "a",
      "yes",
      "1",
      "0x1",
      "~",
      "null",
      "a: b",
      "#c",
      "c #d",
      "- e",
      "\n",
      "f\ng",
      "h\n",
      "\ti",
      "'",
      '"',
      "*a",
      "&b",
      "!c",
      "é",
      "\u0007",
      "2001-01-01",
      "1:30",
      "x\n\n  y\n",
      "{",
      "]",
      "%",
      "@",
      "<<",
      "=",
      "on",
      "-",
      "?",
      "\u2028",
      "z ",
      "end:",
    ];
    const value = (depth: number): unknown => {
      const kind = random(depth > 3 ? 4 : 6);
      if (kind === 0) return random(2) === 0;
      if (kind === 1) return random(100000) / (random(2) === 0 ? 1 : 8);
      if (kind < 4)
        return words[random(words.length)]! + (random(3) === 0 ? words[random(words.length)]! : "");
      if (kind === 4) return Array.from({ length: random(4) }, () => value(depth + 1));
      return Object.fromEntries(
        Array.from({ length: random(4) }, () => [`k${words[random(words.length)]}`, value(depth + 1)]),
      );
    };
    for (let round = 0; round < 3000; round++) {
      const made = { top: value(0) };
      expect(read(toYaml(plainTree(made)))).toEqual(made);
    }
  });

  test("any text either reads or is refused with a sentence", () => {
    const pieces = [
      "a",
      ":",
      " ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "&x ",
      "*x",
      "!reset ",
      "'",
      '"',
      "|",
      ">",
      "#",
      "?",
      "<<: ",
      "---\n",
      "...",
      "%",
      "\t",
      "1",
      "~",
    ];
    for (let round = 0; round < 5000; round++) {
      const text = Array.from({ length: random(25) }, () => pieces[random(pieces.length)]!).join("");
      try {
        parseYaml(text);
      } catch (error) {
        expect(error).toBeInstanceOf(BerthError);
      }
    }
  });
});
