// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables are what is tested
import { expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import { parseDotenv, parseRawEnvironment } from "./dotenv.ts";

const outer = (name: string) => (name === "OUT" ? "outer" : undefined);

test("values in every form", () => {
  const text = [
    "\uFEFF# comment",
    "A=1",
    "export B = two words # comment",
    "C='$A'",
    'D="$A-${OUT}\\n\\$x"',
    "E: yaml",
    "F=",
    "OUT",
    "NOTHING",
    "G=a#b",
    'H="many',
    'lines"',
    "I=${A:-x}${Z:-y}",
    "J=after\r",
  ].join("\n");
  expect(parseDotenv(text, outer)).toEqual({
    A: "1",
    B: "two words",
    C: "$A",
    D: "1-outer\n$x",
    E: "yaml",
    F: "",
    OUT: "outer",
    G: "a#b",
    H: "many\nlines",
    I: "1y",
    J: "after",
  });
});

test("raw values stand as they are written", () => {
  expect(parseRawEnvironment('A="$x" # y\n# c\nB=1')).toEqual({ A: '"$x" # y', B: "1" });
});

test.each(["A B=1", "=x", "A='open", "A=${"])("%s is refused", (text) => {
  expect(() => parseDotenv(text, outer)).toThrow(BerthError);
});

test("any text either reads or is refused with a sentence", () => {
  let seed = 3;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };
  const pieces = ["A", "=", "'", '"', "\\", "\n", "$", "{", "}", "#", " ", "export ", ":", "é", "\r\n"];
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random(20) }, () => pieces[random(pieces.length)]!).join("");
    try {
      parseDotenv(text, outer);
    } catch (error) {
      expect(error).toBeInstanceOf(BerthError);
    }
  }
});
