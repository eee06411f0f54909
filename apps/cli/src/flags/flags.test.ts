import { describe, expect, test } from "bun:test";
import { randomFrom, randomText } from "../testing/random.ts";
import { parseCsvLine } from "./csv.ts";
import { parseBool, parseInteger, parseNanoCpus, parseSize } from "./go-numbers.ts";
import { describeFlags } from "./help.ts";
import { FlagError, parseFlags } from "./parse.ts";
import { bytes, duration } from "./quantities.ts";
import { bool, filter, int, list, map, string, strings } from "./types.ts";

const FLAGS = {
  all: bool("a", { shorthand: "a" }),
  interactive: bool("i", { shorthand: "i" }),
  tty: bool("t", { shorthand: "t" }),
  on: bool("o", { default: true }),
  name: string("n", { shorthand: "n" }),
  publish: list("p", { shorthand: "p" }),
  words: strings("w"),
  tries: int("t", { default: 3 }),
  label: map("l"),
  filter: filter("f", { shorthand: "f" }),
  memory: bytes("m", { shorthand: "m" }),
  wait: duration("w"),
  old: string("o", { deprecated: "use --name instead" }),
};
const parse = (line: string, interspersed = true) =>
  parseFlags(FLAGS, line === "" ? [] : line.split(" "), interspersed);

describe("flags", () => {
  test("stand in every form", () => {
    const { values, args, given } = parse(
      "-it x --name=y -p80:80 -p 81 --publish=82 -p=83 --on=false --tries 0x10",
    );
    expect(values).toMatchObject({ interactive: true, tty: true, name: "y", on: false, tries: 16 });
    expect(values.publish).toEqual(["80:80", "81", "82", "83"]);
    expect(args).toEqual(["x"]);
    expect(given("name")).toBe(true);
    expect(given("all")).toBe(false);
    expect(parse("").values).toMatchObject({ on: true, tries: 3, name: "", publish: [] });
    expect(parse("-an x").values).toMatchObject({ all: true, name: "x" });
    expect(parse("-anx").values.name).toBe("x");
    expect(parse("-ian=x=y").values.name).toBe("x=y");
    expect(parse("--name -x").values.name).toBe("-x");
    expect(parse("--name=").values.name).toBe("");
  });

  test("end at --, and at the first argument of a command line", () => {
    expect(parse("-a -- -i x").args).toEqual(["-i", "x"]);
    expect(parse("-a -- -i x").values.interactive).toBe(false);
    const run = parse("-a image -i --name=x", false);
    expect(run.args).toEqual(["image", "-i", "--name=x"]);
    expect(run.values.interactive).toBe(false);
    expect(parse("- -a").args).toEqual(["-"]);
  });

  test("are collected as their types say", () => {
    const { values } = parse(
      "--words a,b --words c --label a=b --label a=c --label d -f name=x -f NAME=y -f label=a=b",
    );
    expect(values.words).toEqual(["a", "b", "c"]);
    expect([...values.label]).toEqual([
      ["a", "c"],
      ["d", ""],
    ]);
    expect([...values.filter]).toEqual([
      ["name", ["x", "y"]],
      ["label", ["a=b"]],
    ]);
  });

  test.each([
    ["--foo", "unknown flag: --foo"],
    ["-z", "unknown shorthand flag: 'z' in -z"],
    ["-az", "unknown shorthand flag: 'z' in -z"],
    ["--name", "flag needs an argument: --name"],
    ["-an", "flag needs an argument: 'n' in -n"],
    ["---x", "bad flag syntax: ---x"],
    ["--=x", "bad flag syntax: --=x"],
    [
      "--all=maybe",
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ["--tries x", 'invalid argument "x" for "--tries" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    ["--constructor x", "unknown flag: --constructor"],
    ["--__proto__=x", "unknown flag: --__proto__"],
  ])("%s is refused", (line, message) => {
    expect(() => parse(line)).toThrow(new FlagError(message));
  });

  test("--help stops, deprecated ones are said once", () => {
    expect(parse("-a --help --foo").help).toBe(true);
    expect(parse("-h").help).toBe(true);
    expect(parse("--old x --old y").warnings).toEqual(["Flag --old has been deprecated, use --name instead"]);
  });

  test("any words are parsed or refused with a FlagError", () => {
    const random = randomFrom(3);
    const pieces = ["-", "--", "a", "n", "p", "=", "name", "all", "x", "1", "é", "\0", "filter", "m", "'"];
    for (let round = 0; round < 20_000; round++) {
      const argv = Array.from({ length: random(4) + 1 }, () => randomText(random, pieces, 4));
      try {
        parseFlags(FLAGS, argv, random(2) === 0);
      } catch (error) {
        expect(error).toBeInstanceOf(FlagError);
      }
    }
  });

  test("are described in columns that fit", () => {
    const text = describeFlags({ ...FLAGS, long: string("word ".repeat(40).trim()) }, 60);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect(text).toContain("  -n, --name string");
    expect(text).toContain("      --tries int");
    expect(text).toContain("(default 3)");
    expect(text).not.toContain("--old");
  });
});

describe("numbers as Go reads them", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["1k", 1024],
    ["1KB", 1024],
    ["1KiB", 1024],
    ["1.5g", 1610612736],
    ["2 m", 2097152],
    ["5b", 5],
    [".5m", 524288],
    ["1p", 1024 ** 5],
  ])("size %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "k", "-1", "1x", "1kk", "1.2.3m", "m1", " 1", "0x10", "1ib", "1e3"])(
    "size %p is refused",
    (text) => {
      expect(() => parseSize(text)).toThrow(/invalid (size|suffix)/);
    },
  );

  test.each([
    ["10", 10],
    ["-0x1f", -31],
    ["017", 15],
    ["0b101", 5],
    ["0o17", 15],
    ["0x_ff", 255],
    ["+5", 5],
  ])("integer %s", (text, value) => {
    expect(parseInteger(text)).toBe(value);
  });

  test("integers outside their range are refused", () => {
    expect(() => parseInteger("65536", true, 16)).toThrow("value out of range");
    expect(() => parseInteger("-1", true, 16)).toThrow("invalid syntax");
    expect(() => parseInteger("9223372036854775808")).toThrow("value out of range");
    for (const text of ["", "1_0", "08", "1.0", "0x", "--1", "1e3", "٣"])
      expect(() => parseInteger(text)).toThrow("invalid syntax");
  });

  test.each([
    ["1", 1e9],
    ["1.5", 15e8],
    [".25", 25e7],
    ["1e-3", 1e6],
    ["3/4", 75e7],
    ["0.000000001", 1],
  ])("processors %s", (text, nano) => {
    expect(parseNanoCpus(text)).toBe(nano);
  });

  test.each([
    ["0.0000000001", "value is too precise"],
    ["1/3", "value is too precise"],
    ["x", "failed to parse x as a rational number"],
    ["1/0", "failed to parse 1/0 as a rational number"],
    ["", "failed to parse  as a rational number"],
  ])("processors %p are refused", (text, message) => {
    expect(() => parseNanoCpus(text)).toThrow(message);
  });

  test("truth", () => {
    for (const text of ["1", "t", "T", "true", "TRUE", "True"]) expect(parseBool(text)).toBe(true);
    for (const text of ["0", "f", "F", "false", "FALSE", "False"]) expect(parseBool(text)).toBe(false);
    expect(() => parseBool("yes")).toThrow("invalid syntax");
  });
});

describe("comma separated values", () => {
  test.each([
    ["", [""]],
    ["a,b", ["a", "b"]],
    ['"a,b",c', ["a,b", "c"]],
    ['"a""b"', ['a"b']],
    ["a,", ["a", ""]],
    [",", ["", ""]],
  ])("%p", (line, fields) => {
    expect(parseCsvLine(line)).toEqual(fields);
  });

  test.each(['a"b', '"a', '"a"b', 'x,"'])("%p is refused", (line) => {
    expect(() => parseCsvLine(line)).toThrow("parse error on line 1");
  });
});
