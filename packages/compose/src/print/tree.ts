import { formatGoDuration } from "@berth/spec";
import { numberText } from "../schema/scalar-text.ts";
import type { Shape } from "../schema/shape.ts";

/** A value as it is printed. Mappings are lists of pairs, because an object would sort keys that look like numbers. */
export type Tree = string | boolean | null | Num | readonly Tree[] | Pairs;

/** A number, as text. */
export class Num {
  readonly text: string;
  constructor(value: number | bigint) {
    this.text = typeof value === "number" ? numberText(value) : String(value);
  }
}

export class Pairs {
  readonly entries: readonly (readonly [string, Tree])[];
  constructor(entries: readonly (readonly [string, Tree])[]) {
    this.entries = entries;
  }
}

/** `hash`: JSON with the names that Compose hashes, where they are not those of its files. */
export type Format = "json" | "yaml" | "hash";

/** A canonical value in the order and spelling of Compose. `undefined`: is not printed. */
export function toTree(value: unknown, shape: Shape, format: Format): Tree | undefined {
  if (value === undefined) return undefined;
  if (value === null) return null;
  switch (shape.is) {
    case "text":
      return typeof value === "string" ? (value === "" && !shape.keep ? undefined : value) : plainTree(value);
    case "flag":
      return value === false && !shape.keep ? undefined : plainTree(value);
    case "integer":
    case "float":
      return value === 0 && !shape.keep ? undefined : plainTree(value);
    case "bytes":
      return value === 0 && !shape.keep ? undefined : String(value);
    case "duration":
      if (typeof value !== "number") return plainTree(value);
      return value === 0 && !shape.keep ? undefined : formatGoDuration(value);
    case "mode":
      return plainTree(value);
    case "list":
      if (!Array.isArray(value)) return plainTree(value);
      if (value.length === 0 && !shape.keep) return undefined;
      return value.map((item) => (item === "" ? "" : (toTree(item, shape.of, format) ?? new Pairs([]))));
    case "map":
      return mapTree(value, shape, format);
    case "struct":
      return structTree(value, shape, format);
    default:
      return plainTree(value);
  }
}

function mapTree(value: unknown, shape: Extract<Shape, { is: "map" }>, format: Format): Tree | undefined {
  if (!isObject(value)) return plainTree(value);
  const keys = Object.keys(value).sort(format === "yaml" ? naturally : byBytes);
  if (keys.length === 0) return undefined;
  if (shape.asList) return keys.map((key) => (value[key] === "" ? key : `${key}=${value[key]}`));
  if (shape.collect) return keys.flatMap((key) => (value[key] as string[]).map((item) => `${key}=${item}`));
  return new Pairs(
    keys.map((key) => {
      const item = value[key];
      if (typeof item === "string" || item === null) return [key, item];
      return [key, toTree(item, shape.of, format) ?? (shape.of.is === "struct" ? new Pairs([]) : "")];
    }),
  );
}

function structTree(
  value: unknown,
  shape: Extract<Shape, { is: "struct" }>,
  format: Format,
): Tree | undefined {
  if (!isObject(value)) return plainTree(value);
  if (typeof value.single === "number" && value.single !== 0) return new Num(value.single);
  // A file of variables that must be there is printed by its name.
  if ("format" in shape.fields && value.required === true && value.format === undefined) {
    return value.path as string;
  }
  const entries: [string, Tree][] = [];
  for (const [key, field] of Object.entries(shape.fields)) {
    const item = value[key];
    if (format !== "yaml" && field.always !== undefined && (item === undefined || item === null)) {
      entries.push([key, field.always === "null" ? null : new Pairs([])]);
      continue;
    }
    if (item === undefined || item === null) continue;
    const tree = toTree(item, field, format);
    if (tree === undefined) continue;
    if (format === "yaml" && field.always === "empty" && tree instanceof Pairs && tree.entries.length === 0)
      continue;
    entries.push([(format === "hash" && field.hashedAs) || key, tree]);
  }
  if (format === "yaml") {
    for (const key of Object.keys(value).sort(naturally)) {
      if (key.startsWith("x-")) entries.push([key, plainTree(value[key], naturally)]);
    }
  }
  return new Pairs(entries);
}

/** Any value, with sorted keys. */
export function plainTree(value: unknown, order = byBytes): Tree {
  if (typeof value === "number" || typeof value === "bigint") return new Num(value);
  if (Array.isArray(value)) return value.map((item) => plainTree(item, order));
  if (isObject(value)) {
    if (Object.getPrototypeOf(value) !== Object.prototype) return String(value);
    return new Pairs(
      Object.keys(value)
        .sort(order)
        .map((key) => [key, plainTree(value[key], order)]),
    );
  }
  return value as string | boolean | null;
}

/** Go sorts keys by their bytes. */
export function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const LETTER = /\p{L}/u;
const isDigit = (c: string | undefined) => c !== undefined && c >= "0" && c <= "9";

/** How Go's YAML library sorts keys: numbers inside them by value, letters behind everything else. */
export function naturally(a: string, b: string): number {
  let digits = false;
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [x, y] = [a[at]!, b[at]!];
    if (x === y) {
      digits = isDigit(x);
      continue;
    }
    const [isLetter, otherIsLetter] = [LETTER.test(x), LETTER.test(y)];
    if (isLetter && otherIsLetter) return byBytes(x, y);
    if (isLetter || otherIsLetter) return isLetter === digits ? -1 : 1;
    const [mine, theirs] = [numberAt(a, at), numberAt(b, at)];
    if (mine.value !== theirs.value) return mine.value - theirs.value;
    if (mine.end !== theirs.end) return mine.end - theirs.end;
    return byBytes(x, y);
  }
  return a.length - b.length;
}

/** The number that begins at a place; a number that only goes on there counts with a digit before it. */
function numberAt(text: string, at: number): { value: number; end: number } {
  let value = 0;
  for (let before = at - 1; isDigit(text[before]); before--) if (text[before] !== "0") value = 1;
  let end = at;
  for (; isDigit(text[end]); end++) value = value * 10 + Number(text[end]);
  return { value, end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
