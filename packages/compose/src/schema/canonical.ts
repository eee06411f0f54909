import { type BerthError, invalidParameter, nearest } from "@berth/base";
import { parseBytes, parseDuration, splitCommand } from "../short/quantities.ts";
import { YamlDate } from "../yaml/date.ts";
import { scalarText } from "./scalar-text.ts";
import type { Shape } from "./shape.ts";

/** How values are taken. */
export interface Reading {
  /** Named in errors. */
  file: string;
  /** Variables were not replaced: a string with `$` passes for anything. */
  raw: boolean;
}

/** Items that short forms may stand for: every port of three protocols. */
const MOST_EXPANDED = 3 * 65_536;

type Of<K extends Shape["is"]> = Extract<Shape, { is: K }>;

/**
 * Checks a value against its shape and brings it to its canonical form.
 * @throws BerthError with Compose's sentence: where (`services.web.ports`) and what is wrong.
 */
export function canonical(value: unknown, shape: Shape, path: string, reading: Reading): unknown {
  if (reading.raw && typeof value === "string" && value.includes("$") && shape.is !== "text") {
    if (shape.is !== "list" || !shape.single) return value;
  }
  switch (shape.is) {
    case "any":
      return value;
    case "text":
      return readText(value, shape, path, reading);
    case "flag":
      return readFlag(value, shape, path, reading);
    case "integer":
    case "float":
      return readNumber(value, shape, path, reading);
    case "bytes":
      if (typeof value === "number") return value;
      if (typeof value !== "string") throw wrong(reading, path, shape.must ?? "must be a string or integer");
      return decoded(path, () => parseBytes(value));
    case "duration":
      if (typeof value !== "string") throw wrong(reading, path, shape.must ?? "must be a string");
      return decoded(path, () => parseDuration(value));
    case "mode":
      if (typeof value === "number") return value;
      if (typeof value !== "string") throw wrong(reading, path, "must be a number or string");
      if (!/^(0o)?[0-7]{1,7}$/.test(value)) {
        throw cast(path, `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
      }
      return Number.parseInt(value.replace(/^0o/, ""), 8);
    case "command":
      if (value === null || value === undefined) return null;
      if (typeof value === "string") return decoded(path, () => splitCommand(value));
      if (!Array.isArray(value)) throw wrong(reading, path, shape.must ?? "must be a string");
      return value.map((item, at) => readText(item, { is: "text" }, `${path}.${at}`, reading));
    case "list":
      return readList(value, shape, path, reading);
    case "map":
      return readMap(value, shape, path, reading);
    case "struct":
      return readStruct(value, shape, path, reading);
  }
}

function readText(value: unknown, shape: Of<"text">, path: string, reading: Reading): string {
  const { also } = shape;
  if (also === "scalar" && value instanceof YamlDate) return String(value);
  const kind = typeof value;
  const accepted =
    kind === "string" ||
    ((also === "number" || also === "scalar") && (kind === "number" || kind === "bigint")) ||
    ((also === "boolean" || also === "scalar") && kind === "boolean");
  if (!accepted) {
    if (also === "scalar" && value === null) return "";
    const usual =
      also === "scalar"
        ? "must be a string, number, boolean or null"
        : also === undefined
          ? "must be a string"
          : `must be a ${also} or string`;
    throw wrong(reading, path, shape.must ?? usual);
  }
  const text = scalarText(value);
  if (shape.oneOf !== undefined && !shape.oneOf.includes(text) && !(reading.raw && text.includes("$"))) {
    const values = shape.oneOf.map((each) => JSON.stringify(each)).join(", ");
    throw wrong(reading, path, `${path} must be one of the following: ${values}`);
  }
  if (shape.matches?.test(text) === false && !(reading.raw && text.includes("$"))) {
    throw wrong(reading, path, `${path} ${shape.must}`);
  }
  return text;
}

const TRUE = new Set(["y", "yes", "true", "on", "1", "t"]);
const FALSE = new Set(["n", "no", "false", "off", "0", "f"]);

function readFlag(value: unknown, shape: Of<"flag">, path: string, reading: Reading): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw wrong(reading, path, shape.must ?? "must be a boolean or string");
  const lower = value.toLowerCase();
  if (TRUE.has(lower)) return true;
  if (FALSE.has(lower)) return false;
  throw cast(path, `invalid boolean: ${value}`);
}

function readNumber(value: unknown, shape: Of<"integer" | "float">, path: string, reading: Reading): number {
  const isInteger = shape.is === "integer";
  let number: number;
  if (typeof value === "number") {
    number = value;
    if (isInteger && !Number.isInteger(number)) throw wrong(reading, path, shape.must ?? "must be a integer");
  } else if (typeof value === "string") {
    if (isInteger && value === "all" && path.endsWith(".count")) return -1;
    const form = isInteger ? /^[+-]?\d{1,15}$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
    if (!form.test(value)) {
      const parser = isInteger ? "strconv.Atoi" : "strconv.ParseFloat";
      throw cast(path, `${parser}: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    number = Number(value);
  } else {
    throw wrong(reading, path, shape.must ?? `must be a ${isInteger ? "integer" : "number"} or string`);
  }
  if (isInteger) {
    const { least, most } = shape as Of<"integer">;
    if (least !== undefined && number < least)
      throw wrong(reading, path, `must be greater than or equal to ${least}`);
    if (most !== undefined && number > most)
      throw wrong(reading, path, `must be less than or equal to ${most}`);
  }
  return number;
}

function readList(value: unknown, shape: Of<"list">, path: string, reading: Reading): unknown {
  let items: unknown[];
  if (Array.isArray(value)) items = value;
  else if (
    shape.single &&
    (typeof value === "string" || (shape.of.is === "text" && shape.of.also && isScalar(value)))
  ) {
    items = [value];
    if (path.endsWith("healthcheck.test")) return ["CMD-SHELL", value];
  } else {
    const whole = shape.expand?.(value, path);
    if (whole === undefined || path.endsWith(".ports"))
      throw wrong(reading, path, shape.must ?? "must be a list");
    items = whole;
  }
  const made: unknown[] = [];
  for (let at = 0; at < items.length; at++) {
    const item = items[at];
    if (reading.raw && typeof item === "string" && item.includes("$")) {
      made.push(item);
      continue;
    }
    const place = `${path}.${at}`;
    const expanded = shape.expand?.(item, `${path}.[${at}]`);
    if (expanded !== undefined) {
      if (made.length + expanded.length > MOST_EXPANDED) throw invalidParameter(`${path}: too many items`);
      for (const each of expanded) made.push(each);
    } else if (
      shape.single &&
      shape.of.is === "text" &&
      shape.of.also === undefined &&
      typeof item !== "string"
    ) {
      throw invalidParameter(`${path}.[${at}]: unexpected type ${goType(item)}`);
    } else made.push(canonical(item, shape.of, place, reading));
  }
  return shape.key === undefined ? made : unique(made, shape.key as (item: unknown) => string);
}

/** A later item of the same key takes the place of the earlier one. */
export function unique(items: readonly unknown[], key: (item: unknown) => string): unknown[] {
  const places = new Map<string, number>();
  const made: unknown[] = [];
  for (const item of items) {
    const name = typeof item === "string" ? item : key(item);
    const place = places.get(name);
    if (place === undefined) {
      places.set(name, made.length);
      made.push(item);
    } else made[place] = item;
  }
  return made;
}

function readMap(value: unknown, shape: Of<"map">, path: string, reading: Reading): unknown {
  const made: Record<string, unknown> = {};
  const put = (key: string, item: unknown, place: string) => {
    let read: unknown;
    // `networks: {front: }` at the top is an empty declaration; in a service it joins without options.
    const mayBeNull = shape.nullable || (shape.of.is === "struct" && shape.of.nullable && path.includes("."));
    if (item === null && mayBeNull) read = null;
    else read = canonical(item, shape.of, place, reading);
    if (shape.collect && Object.hasOwn(made, key)) (made[key] as unknown[]).push(...(read as unknown[]));
    else made[key] = read;
  };
  if (Array.isArray(value) && shape.list !== undefined) {
    const { list } = shape;
    value.forEach((item, at) => {
      if (typeof item !== "string") {
        throw invalidParameter(`${path}.[${at}]: unexpected type ${goType(item)}`);
      }
      const [key, part] = decoded(path, () => list(item, path));
      put(key, part, `${path}.${key}`);
    });
    return made;
  }
  if (!isMapping(value)) throw wrong(reading, path, shape.must ?? "must be a mapping");
  for (const [key, item] of Object.entries(value)) {
    if (shape.keys !== undefined && !shape.keys.test(key)) {
      if (key.startsWith("x-") && path.split(".").length === 1) continue;
      throw wrong(reading, path, `Additional property ${key} is not allowed`);
    }
    put(key, item, path === "" ? key : `${path}.${key}`);
  }
  return made;
}

function readStruct(value: unknown, shape: Of<"struct">, path: string, reading: Reading): unknown {
  const { fields } = shape;
  let source = value;
  const short = shape.short?.(value, path);
  if (short !== undefined) source = short;
  if (!isMapping(source)) {
    if (source === null && shape.nullable) return {};
    throw wrong(reading, path, shape.must ?? "must be a mapping");
  }
  const made: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(source)) {
    const place = path === "" ? key : key === "single" && short !== undefined ? path : `${path}.${key}`;
    if (!Object.hasOwn(fields, key)) {
      if (key.startsWith("x-") && shape.extensible !== false) {
        made[key] = item;
        continue;
      }
      if (short !== undefined && key === "single") continue;
      const meant = nearest(key, Object.keys(fields));
      throw invalidParameter(
        `validating ${reading.file}: ${path === "" ? "(root)" : path} Additional property ${key} is not allowed`,
        meant === undefined ? {} : { hint: `Did you mean ${meant}?` },
      );
    }
    const field = fields[key]!;
    if (field.is === "struct" && field.nullable && item === null) continue;
    if (key === "external" && isMapping(item)) {
      made.external = true;
      const { name } = item as { name?: unknown };
      if (typeof name === "string") made.name = name;
      continue;
    }
    made[key] = canonical(item, field, place, reading);
  }
  if (short === undefined) {
    for (const key of shape.required ?? []) {
      if (!Object.hasOwn(made, key)) throw wrong(reading, path, `${key} is required`);
    }
  }
  return made;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isScalar = (value: unknown) => ["string", "number", "boolean", "bigint"].includes(typeof value);

function goType(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (typeof value === "boolean") return "bool";
  return typeof value === "object" ? "map[string]interface {}" : typeof value;
}

function wrong(reading: Reading, path: string, what: string): BerthError {
  return invalidParameter(`validating ${reading.file}: ${path === "" ? "(root)" : path} ${what}`);
}

function cast(path: string, what: string): BerthError {
  const place = path.replace(/\.\d+(?=\.|$)/g, ".[]");
  return invalidParameter(`error while interpolating ${place}: failed to cast to expected type: ${what}`);
}

function decoded<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const [first, second, ...rest] = path.split(".");
    const place = second === undefined ? first : [`${first}[${second}]`, ...rest].join(".");
    throw invalidParameter(
      `decoding failed due to the following error(s):\n\nerror decoding '${place}': ${(error as Error).message}`,
    );
  }
}
