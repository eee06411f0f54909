import { sprintf } from "./format-verbs.ts";
import { compareBytes, goString, kindOf, Struct, TypedMap, toJson, typeName } from "./values.ts";

export interface TemplateFunction {
  /** Least and most arguments. */
  arity: readonly [number, number];
  /** What the first parameters take; later ones take anything. */
  parameters?: readonly ("string" | "int" | "strings" | "any")[];
  /** @throws Error whose message is the function's own complaint. */
  call(args: readonly unknown[]): unknown;
}

const MANY = 1000;

/** Functions of text/template. `and` and `or` are part of the evaluator, because they do not evaluate every argument. */
export const BUILTINS: Readonly<Record<string, TemplateFunction>> = {
  not: { arity: [1, 1], call: ([value]) => !truth(value) },
  len: { arity: [1, 1], call: ([value]) => length(value) },
  index: { arity: [1, MANY], call: ([value, ...keys]) => keys.reduce(index, value) },
  slice: { arity: [1, 4], call: slice },
  print: { arity: [0, MANY], call: sprint },
  println: { arity: [0, MANY], call: (args) => `${args.map((value) => goString(value)).join(" ")}\n` },
  printf: {
    arity: [1, MANY],
    parameters: ["string"],
    call: ([format, ...args]) => sprintf(text(format), args),
  },
  html: {
    arity: [0, MANY],
    call: (args) => escapeHtml(args.length === 1 ? goString(args[0]) : sprint(args)),
  },
  urlquery: {
    arity: [0, MANY],
    call: (args) =>
      encodeURIComponent(args.length === 1 ? goString(args[0]) : sprint(args)).replaceAll("%20", "+"),
  },
  eq: { arity: [1, MANY], call: ([first, ...rest]) => equalAny(first, rest) },
  ne: { arity: [2, 2], call: ([a, b]) => !equal(a, b) },
  lt: { arity: [2, 2], call: ([a, b]) => compare(a, b) < 0 },
  le: { arity: [2, 2], call: ([a, b]) => compare(a, b) <= 0 },
  gt: { arity: [2, 2], call: ([a, b]) => compare(a, b) > 0 },
  ge: { arity: [2, 2], call: ([a, b]) => compare(a, b) >= 0 },
};

/** Functions that Docker adds. */
export const DOCKER_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: { arity: [1, 1], call: ([value]) => toJson(value) },
  split: {
    arity: [2, 2],
    parameters: ["string", "string"],
    call: ([value, separator]) => text(value).split(text(separator)),
  },
  join: {
    arity: [2, 2],
    parameters: ["strings", "string"],
    call: ([values, separator]) => (values as unknown[]).map(text).join(text(separator)),
  },
  title: {
    arity: [1, 1],
    parameters: ["string"],
    call: ([value]) =>
      text(value).replace(
        /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
        (_all, before: string, letter: string) => before + letter.toUpperCase(),
      ),
  },
  lower: { arity: [1, 1], parameters: ["string"], call: ([value]) => text(value).toLowerCase() },
  upper: { arity: [1, 1], parameters: ["string"], call: ([value]) => text(value).toUpperCase() },
  pad: {
    arity: [3, 3],
    parameters: ["string", "int", "int"],
    call: ([value, left, right]) => {
      const source = text(value);
      return source === "" ? source : " ".repeat(count(left)) + source + " ".repeat(count(right));
    },
  },
  truncate: {
    arity: [2, 2],
    parameters: ["string", "int"],
    call: ([value, most]) => {
      const source = text(value);
      const limit = Number(most);
      return source.length < limit ? source : source.slice(0, limit);
    },
  },
};

function count(value: unknown): number {
  return Math.max(0, Math.min(Number(value) || 0, 1_000_000));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : goString(value);
}

function truth(value: unknown): boolean {
  const kind = kindOf(value);
  if (kind === "slice") return (value as unknown[]).length > 0;
  if (kind === "map") return (value as Map<string, unknown>).size > 0;
  if (kind === "int" || kind === "float") return Number(value) !== 0;
  return Boolean(value);
}

function length(value: unknown): number {
  switch (kindOf(value)) {
    case "string":
      return new TextEncoder().encode(value as string).length;
    case "slice":
      return (value as unknown[]).length;
    case "map":
      return (value as Map<string, unknown>).size;
    case "nil":
      throw new Error("len of nil pointer");
    default:
      throw new Error(`len of type ${typeName(value)}`);
  }
}

function index(value: unknown, key: unknown): unknown {
  switch (kindOf(value)) {
    case "nil":
      throw new Error("index of untyped nil");
    case "map":
      if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
      if (value instanceof TypedMap && !value.has(key)) return value.zero;
      return (value as Map<string, unknown>).get(key);
    case "slice":
      return (value as unknown[])[position(key, (value as unknown[]).length, false)];
    case "string": {
      const bytes = new TextEncoder().encode(value as string);
      return bytes[position(key, bytes.length, false)];
    }
    default:
      throw new Error(`can't index item of type ${typeName(value)}`);
  }
}

function position(key: unknown, limit: number, inclusive: boolean): number {
  if (kindOf(key) === "nil") throw new Error("cannot index slice/array with nil");
  if (kindOf(key) !== "int") throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  const at = Number(key);
  if (at < 0 || at > limit || (at === limit && !inclusive)) throw new Error(`index out of range: ${at}`);
  return at;
}

function slice([value, ...bounds]: readonly unknown[]): unknown {
  const kind = kindOf(value);
  if (kind === "nil") throw new Error("slice of untyped nil");
  if (kind !== "string" && kind !== "slice") throw new Error(`can't slice item of type ${typeName(value)}`);
  const items = kind === "string" ? new TextEncoder().encode(value as string) : (value as unknown[]);
  if (bounds.length === 3 && kind === "string") throw new Error("cannot 3-index slice a string");
  const from = bounds.length > 0 ? position(bounds[0], items.length, true) : 0;
  const to = bounds.length > 1 ? position(bounds[1], items.length, true) : items.length;
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  const part = items.slice(from, to);
  return part instanceof Uint8Array ? new TextDecoder().decode(part) : part;
}

/** Go's fmt.Sprint: spaces between operands when neither is a string. */
function sprint(args: readonly unknown[]): string {
  let out = "";
  for (const [at, value] of args.entries()) {
    if (at > 0 && typeof value !== "string" && typeof args[at - 1] !== "string") out += " ";
    out += goString(value);
  }
  return out;
}

function escapeHtml(source: string): string {
  const escapes: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&#34;",
    "'": "&#39;",
    "\0": "\uFFFD",
  };
  return source.replace(/[&<>"'\0]/g, (character) => escapes[character]!);
}

const BASIC = new Set(["bool", "int", "float", "string"]);

function equalAny(first: unknown, rest: readonly unknown[]): boolean {
  if (rest.length === 0) throw new Error("missing argument for comparison");
  return rest.some((each) => equal(first, each));
}

function equal(a: unknown, b: unknown): boolean {
  const left = kindOf(a);
  const right = kindOf(b);
  if (left === "nil" || right === "nil") return left === right;
  for (const [kind, value] of [
    [left, a],
    [right, b],
  ] as const) {
    if (kind === "slice" || kind === "map" || kind === "func") {
      throw new Error(`non-comparable type ${goString(value)}: ${typeName(value)}`);
    }
  }
  if (left !== right) throw new Error("incompatible types for comparison");
  if (left === "int") return BigInt(a as number) === BigInt(b as number);
  if (a instanceof Struct) return a === b;
  return a === b;
}

function compare(a: unknown, b: unknown): number {
  const left = kindOf(a);
  const right = kindOf(b);
  if (!BASIC.has(left) || !BASIC.has(right) || left === "bool")
    throw new Error("invalid type for comparison");
  if (left !== right) throw new Error("incompatible types for comparison");
  if (left === "string") return compareBytes(a as string, b as string);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
