import { parseCsvLine } from "./csv.ts";
import type { Flag } from "./flag.ts";
import { parseBool, parseInteger } from "./go-numbers.ts";

/** What a declaration may say beside the help. Flags keep all of it: to choose for each of seventy flags takes longer. */
export interface FlagOptions<T> {
  shorthand?: string;
  default?: T;
  /** The word for the value. */
  type?: string;
  hidden?: boolean;
  deprecated?: string;
  values?: NonNullable<Flag<T>["values"]>;
}

/** A switch. `--flag`, `--flag=false`. */
export function bool(help: string, options: FlagOptions<boolean> = {}): Flag<boolean> {
  const value = options.default ?? false;
  return {
    ...options,
    type: "",
    help,
    initial: () => value,
    ...(value && { defaultText: "true" }),
    alone: "true",
    parse: parseBool,
  };
}

/** A switch whose absence means something else than false. */
export function optionalBool(help: string, options: FlagOptions<boolean> = {}): Flag<boolean | undefined> {
  return { ...bool(help, options), initial: () => undefined } as Flag<boolean | undefined>;
}

export function string(help: string, options: FlagOptions<string> = {}): Flag<string> {
  const value = options.default ?? "";
  return {
    ...options,
    type: options.type ?? "string",
    help,
    initial: () => value,
    ...(value !== "" && { defaultText: JSON.stringify(value) }),
    parse: (text) => text,
  };
}

/** A path. Apart from `string`, of which `run` has as many as there can be before it is compiled (docs/design/011-command-line.md). */
export function file(help: string): Flag<string> {
  return { type: "string", help, initial: () => "", values: "file", parse: (text) => text };
}

/** May be given many times. `check` refuses or rewrites a value. */
export function list(
  help: string,
  options: FlagOptions<string[]> & { check?: (text: string) => string; emptyShown?: boolean } = {},
): Flag<string[]> {
  return {
    ...options,
    type: options.type ?? "list",
    help,
    initial: () => [],
    ...(options.emptyShown && { defaultText: "[]" }),
    parse: (text, before) => [...before, options.check?.(text) ?? text],
  };
}

/** May be given many times, and holds several values parted by commas, quoted as in CSV. */
export function strings(help: string, options: FlagOptions<string[]> = {}): Flag<string[]> {
  return {
    ...options,
    type: options.type ?? "strings",
    help,
    initial: () => [],
    parse: (text, before) => [...before, ...(text === "" ? [] : parseCsvLine(text))],
  };
}

export function int(
  help: string,
  options: FlagOptions<number> & { bits?: number; unsigned?: boolean } = {},
): Flag<number> {
  const value = options.default ?? 0;
  return {
    ...options,
    type: options.type ?? (options.unsigned ? `uint${options.bits ?? ""}` : "int"),
    help,
    initial: () => value,
    ...(value !== 0 && { defaultText: String(value) }),
    parse: (text) => parseInteger(text, options.unsigned ?? false, options.bits ?? 64),
  };
}

/** `key=value`, many times; a later one of the same key wins. */
export function map(
  help: string,
  options: FlagOptions<Map<string, string>> & { check?: (text: string) => string } = {},
): Flag<Map<string, string>> {
  return {
    ...options,
    type: options.type ?? "map",
    help,
    initial: () => new Map(),
    defaultText: "map[]",
    parse: (text, before) => {
      const pair = options.check?.(text) ?? text;
      const at = pair.indexOf("=");
      const after = new Map(before);
      after.set(at < 0 ? pair : pair.slice(0, at), at < 0 ? "" : pair.slice(at + 1));
      return after;
    },
  };
}

export type FilterMap = ReadonlyMap<string, readonly string[]>;

/** `--filter name=value`. */
export function filter(help: string, options: FlagOptions<FilterMap> = {}): Flag<FilterMap> {
  return {
    ...options,
    type: "filter",
    help,
    initial: () => new Map(),
    parse: (text, before) => {
      if (text === "") return before;
      const at = text.indexOf("=");
      if (at < 0) throw new Error("bad format of filter (expected name=value)");
      const name = text.slice(0, at).trim().toLowerCase();
      const value = text.slice(at + 1).trim();
      const values = before.get(name) ?? [];
      return new Map([...before, [name, values.includes(value) ? values : [...values, value]]]);
    },
  };
}

export interface CustomFlag<T> extends FlagOptions<T> {
  type: string;
  help: string;
  initial: () => T;
  defaultText?: string;
  parse: (text: string, before: T, given: boolean) => T;
}

/** Any other. */
export function custom<T>(flag: CustomFlag<T>): Flag<T> {
  return flag;
}
