// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of HCL
import { expect, test } from "bun:test";
import { choose, type Definition } from "./definition.ts";
import { evaluate } from "./evaluate.ts";
import { readHcl, readJson } from "./hcl/body.ts";
import { HclError } from "./hcl/value.ts";
import { overridesOf, type Shorthands } from "./overrides.ts";

const NONE: Shorthands = {
  set: [],
  load: false,
  push: false,
  pull: false,
  noCache: false,
  provenance: "",
  sbom: "",
};

function definition(text: string, environment: Record<string, string> = {}): Definition {
  const body = text.startsWith("{")
    ? readJson(text, ["variable", "group", "target", "function"])
    : readHcl(text);
  return evaluate([body], { environment, builtin: { BAKE_CMD_CONTEXT: "cwd://" }, warn() {} });
}

function targets(text: string, names: string[] = ["a"], flags: Partial<Shorthands> = {}) {
  const made = definition(text);
  const overrides = overridesOf({ ...NONE, ...flags }, [...made.targets.keys()], {});
  return Object.fromEntries(choose(made, names, overrides).targets);
}

/** An expression's value as an argument's text. What docker-buildx 0.13.1 prints for the same was compared. */
const value = (expression: string) =>
  definition(`target "a" {\n args = { v = ${expression} }\n}`).targets.get("a")?.args?.v;

test.each([
  ["1 + 2 * 3", "7"],
  ["(1+2)*3", "9"],
  ["7/2", "3.5"],
  ["-2 % 2", "-0".replace("-", "")],
  ['true ? "y" : "n"', "y"],
  ['"a" == "a" && !(1 > 2)', "true"],
  ['"${1}-${"x"}"', "1-x"],
  ['"$${lit} %%{x}"', "${lit} %{x}"],
  ['"a\\u00e9\\tb\\"c"', 'aé\tb"c'],
  ['"%{ if true }yes%{ else }no%{ endif }"', "yes"],
  ['"%{ for x in ["a","b"] ~} ${x} %{~ endfor }"', "ab"],
  ['join(",", [for x in [1,2,3] : x * 2 if x > 1])', "4,6"],
  ['join(",", values({for k, v in {a=1,b=2} : upper(k) => v}))', "1,2"],
  ['join(",", [{a="x"},{a="y"}][*].a)', "x,y"],
  ['element(["a","b"], 3)', "b"],
  ['try(nope, "d")', "d"],
  ["can(nope)", "false"],
  ['format("%05d|%-4s|%q", 42, "a", "b")', '00042|a   |"b"'],
  ['regex_replace("a1b2", "[0-9]", "_")', "a_b_"],
  ['split(",", "a,b")[1]', "b"],
  ['jsondecode("{\\"a\\":[1,2]}").a[1]', "2"],
  ['lookup({a=1}, "b", 9)', "9"],
  ['substr("hello", 1, 3)', "ell"],
  ['title("hello world")', "Hello World"],
  ['urlencode("a b&c")', "a+b%26c"],
  ['timeadd("2020-01-01T00:00:00Z", "1h")', "2020-01-01T01:00:00Z"],
  ["BAKE_CMD_CONTEXT", "cwd://"],
  ["<<-E\n   a\n     b ${1}\n  E\n", "a\n  b 1\n"],
] as const)("%s", (expression, text) => {
  expect(value(expression)).toBe(text);
});

test("variables: the environment, in the default's type; own functions; attributes of other targets", () => {
  const text = `
variable "N" { default = 3 }
variable "ON" { default = true }
variable "L" { default = ["x"] }
plain = "p"
function "tag" {
  params = [name]
  variadic_params = more
  result = ["\${name}:\${N}", length(more) > 0 ? more[0] : ""]
}
target "a" {
  args = { n = N + 1, on = !ON, other = target.b.args.k }
  tags = concat(tag("x", plain), L)
}
target "b" {
  args = { k = "v" }
}`;
  const made = definition(text, { N: "5", ON: "0", L: '["y"]' }).targets.get("a");
  expect(made).toEqual({ args: { n: "6", on: "true", other: "v" }, tags: ["x:5", "p", "y"] });
  expect(() => definition(text, { N: "x" })).toThrow("failed to parse N as number");
});

test("inheritance, groups, matrix, links, overrides", () => {
  const text = `
group "default" { targets = ["a", "m"] }
target "base" {
  args = { x = "1", y = "1" }
  cache-from = ["c1"]
  platforms = ["linux/amd64"]
}
target "a" {
  inherits = ["base"]
  args = { y = "2" }
  cache-from = ["c2", ""]
  contexts = { other = "target:linked" }
}
target "linked" {
  tags = ["never"]
}
target "m" {
  name = "m-\${v}"
  matrix = { v = ["1", "2"] }
  args = { v = v }
}`;
  const made = targets(text, [], { set: ["a.args.z=3", "m-*.tags=t", "*.cache-from=only"], noCache: true });
  expect(Object.keys(made)).toEqual(["a", "m-1", "m-2", "linked"]);
  expect(made.a).toEqual({
    context: ".",
    dockerfile: "Dockerfile",
    args: { x: "1", y: "2", z: "3" },
    "cache-from": ["only"],
    platforms: ["linux/amd64"],
    contexts: { other: "target:linked" },
    "no-cache": true,
  });
  expect(made["m-2"]).toMatchObject({ args: { v: "2" }, tags: ["t"] });
  expect(made.linked?.tags).toBeUndefined();
});

test("--push and --load leave files and folders alone", () => {
  const text = (output: string) => `target "a" {\n output = ${output}\n}`;
  const output = (list: string, flags: Partial<Shorthands>) => targets(text(list), ["a"], flags).a?.output;
  expect(output("[]", { push: true })).toEqual(["type=image,push=true"]);
  expect(output('["type=local,dest=x"]', { push: true, load: true })).toEqual(["type=local,dest=x"]);
  expect(output('["type=image"]', { push: true })).toEqual(["type=image,push=true"]);
  expect(output('["type=docker,dest=x"]', { load: true })).toEqual(["type=docker,dest=x", "type=docker"]);
});

test("the JSON form", () => {
  const text = '{"variable":{"V":{"default":"1"}},"target":{"a":{"tags":["x:${V}"],"args":{"k":"v"}}}}';
  expect(targets(text).a).toMatchObject({ tags: ["x:1"], args: { k: "v" } });
});

test.each([
  ['target "a" { context = \n}', "1:24 Invalid expression"],
  ['target "a" {\n tags = [nope]\n}', '2:10 Unknown variable; There is no variable named "nope".'],
  ['target "a b" {}', "1:1 Invalid name"],
  [
    'variable "X" { default = X }\ntarget "a" {\n tags = [X]\n}',
    "1:26 Invalid expression; variable cycle not allowed for X",
  ],
  ['target "a" {\n tags = "str"\n}', "2:2 Unsuitable value type"],
  ["x = 1\nx = 2", "2:1 Attribute redefined"],
  ['target "a" {', "1:13 Unclosed configuration block"],
  ['target "a" {\n args = { x = lower() }\n}', '2:15 Not enough function arguments; Function "lower"'],
  [`x = ${"(".repeat(5000)}1`, "nested too deeply"],
  ['target "a" {\n inherits = ["b"]\n}', "failed to find target b"],
  ['target "a" {\n contexts = { x = "target:a" }\n}', "infinite loop from a to a"],
] as const)("refused: %s", (text, sentence) => {
  let told = "";
  try {
    targets(text);
  } catch (error) {
    const { place, message } = error as HclError;
    expect(error).toBeInstanceOf(HclError);
    told = place === undefined ? message : `${place.line}:${place.column} ${message}`;
  }
  expect(told).toContain(sentence);
});
