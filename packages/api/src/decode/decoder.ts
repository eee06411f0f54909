import { invalidParameter } from "@berth/base";
import { kindOfJson } from "../go-json.ts";

/** Where a value stands, for Go's sentences: the innermost struct's name and the JSON names from the root. */
export interface Place {
  struct: string;
  path: string;
}

/**
 * Turns parsed JSON into a typed value with Go's rules: `undefined` and null give the zero value, names of
 * fields match without regard to case, unknown fields are ignored, other kinds and NUL bytes are an error.
 * @throws invalid-parameter `invalid JSON: json: cannot unmarshal …`.
 */
export interface Decoder<T> {
  (value: unknown, place: Place): T;
  /** The Go type that error sentences name. */
  goType: string;
}

function decoder<T>(goType: string, decode: (value: unknown, place: Place) => T): Decoder<T> {
  return Object.assign(decode, { goType });
}

function mismatch(value: unknown, place: Place, goType: string): Error {
  let kind: string = kindOfJson(value);
  if (typeof value === "number" && /^u?int/.test(goType)) kind = `number ${value}`;
  const target =
    place.path === ""
      ? `Go value of type ${goType}`
      : `Go struct field ${place.struct}.${place.path} of type ${goType}`;
  return invalidParameter(`invalid JSON: json: cannot unmarshal ${kind} into ${target}`);
}

/** A NUL ends a string for the kernel and for C programs: what comes after it would be looked at by us and by nobody else. */
function withoutNul(text: string, place: Place): string {
  if (!text.includes("\0")) return text;
  throw invalidParameter(`invalid JSON: ${place.path || "a string"} holds a NUL byte`);
}

export const string: Decoder<string> = decoder("string", (value, place) => {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw mismatch(value, place, "string");
  return withoutNul(value, place);
});

export const boolean: Decoder<boolean> = decoder("bool", (value, place) => {
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw mismatch(value, place, "bool");
  return value;
});

const RANGES: Record<string, [minimum: number, maximum: number]> = {
  int: [-(2 ** 63), 2 ** 63],
  int64: [-(2 ** 63), 2 ** 63],
  "time.Duration": [-(2 ** 63), 2 ** 63],
  uint: [0, 2 ** 64],
  uint16: [0, 65_535],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};

/** A whole number. Beyond 2^53 it loses digits, as any JSON number does in JavaScript. */
export function integer(goType: string): Decoder<number> {
  const [minimum, maximum] = RANGES[goType] as [number, number];
  return decoder(goType, (value, place) => {
    if (value === undefined || value === null) return 0;
    if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
      throw mismatch(value, place, goType);
    }
    return value;
  });
}

export const int = integer("int");
export const int64 = integer("int64");

/** Go's pointer: absent and null stay null. */
export function pointer<T>(inner: Decoder<T>): Decoder<T | null> {
  return decoder(inner.goType, (value, place) =>
    value === undefined || value === null ? null : inner(value, place),
  );
}

/** A field with `omitempty`: absent, null and empty ones are left out. */
export function omitEmpty<T>(inner: Decoder<T>): Decoder<NonNullable<T> | undefined> {
  return decoder(inner.goType, (value, place) => {
    if (value === undefined || value === null) return undefined;
    const result = inner(value, place);
    return isEmpty(result) ? undefined : (result as NonNullable<T>);
  });
}

/** A pointer with `omitempty`: only absent and null ones are left out. */
export function optional<T>(inner: Decoder<T>): Decoder<NonNullable<T> | undefined> {
  return decoder(inner.goType, (value, place) =>
    value === undefined || value === null ? undefined : (inner(value, place) as NonNullable<T>),
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}

export function list<T>(inner: Decoder<T>): Decoder<T[] | null> {
  const goType = `[]${inner.goType}`;
  return decoder(goType, (value, place) => {
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value)) throw mismatch(value, place, goType);
    return value.map((each) => inner(each, place));
  });
}

export function map<T>(inner: Decoder<T>): Decoder<Record<string, T> | null> {
  const goType = `map[string]${inner.goType}`;
  return decoder(goType, (value, place) => {
    if (value === undefined || value === null) return null;
    if (kindOfJson(value) !== "object") throw mismatch(value, place, goType);
    return Object.fromEntries(
      Object.entries(value as object).map(([key, each]) => [withoutNul(key, place), inner(each, place)]),
    );
  });
}

/** Go's `map[string]struct{}`. */
export const stringSet: Decoder<Record<string, object> | null> = map(
  decoder<object>("struct {}", (value, place) => {
    if (value !== undefined && value !== null && kindOfJson(value) !== "object") {
      throw mismatch(value, place, "struct {}");
    }
    return {};
  }),
);

/** Docker's command lists: a string stands for a list of one. */
export const stringOrList: Decoder<string[] | null> = decoder("string", (value, place) => {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return [withoutNul(value, place)];
  if (!Array.isArray(value)) throw mismatch(value, place, "string");
  return value.map((each) => {
    if (typeof each !== "string") throw mismatch(value, place, "string");
    return withoutNul(each, place);
  });
});

/** Two whole numbers; Go fills up short arrays with zero and drops what is too much. */
export const consoleSize: Decoder<[number, number]> = decoder("[2]uint", (value, place) => {
  if (value === undefined || value === null) return [0, 0];
  if (!Array.isArray(value)) throw mismatch(value, place, "[2]uint");
  const number = integer("uint");
  return [number(value[0], place), number(value[1], place)];
});

export type Fields<T> = { [K in keyof T]-?: Decoder<T[K]> };

/**
 * A Go struct. `goName` is its type name as errors show it (`HostConfig`), with its package for the root
 * (`runconfig.ContainerConfigWrapper`).
 */
export function struct<T extends object>(goName: string, fields: Fields<T>): Decoder<T> {
  const shortName = goName.slice(goName.lastIndexOf(".") + 1);
  const names = Object.keys(fields) as (keyof T & string)[];
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  return decoder(goName, (value, place) => {
    if (value !== undefined && value !== null && kindOfJson(value) !== "object")
      throw mismatch(value, place, goName);
    const given = new Map<string, unknown>();
    for (const [key, each] of Object.entries((value ?? {}) as object)) {
      const name = Object.hasOwn(fields, key) ? key : byLowerCase.get(key.toLowerCase());
      if (name !== undefined) given.set(name, each);
    }
    const result: Partial<Record<keyof T, unknown>> = {};
    for (const name of names) {
      const path = place.path === "" ? name : `${place.path}.${name}`;
      const decoded = fields[name](given.get(name), { struct: shortName, path });
      if (decoded !== undefined) result[name] = decoded;
    }
    return result as T;
  });
}

export const ROOT: Place = { struct: "", path: "" };
