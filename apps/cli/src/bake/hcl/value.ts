/** A value of HCL's: null, scalars, lists and objects. Objects have no prototype. */
export type Value = null | string | number | boolean | Value[] | { [name: string]: Value };

export type ObjectValue = { [name: string]: Value };

/** What an expression may refer to. */
export interface Scope {
  /** The value of a name; undefined: there is none. */
  lookup(name: string): Value | undefined;
  /** A function by its name. */
  call(name: string, args: readonly Expression[], scope: Scope): Value;
}

/** The scope with other names. */
export function within(scope: Scope, lookup: Scope["lookup"]): Scope {
  return { lookup, call: (name, args, from) => scope.call(name, args, from) };
}

/** An expression that was read: evaluated as often as one likes, in any scope. */
export type Expression = (scope: Scope) => Value;

/** Where something stands in a file; from 1. */
export interface Place {
  line: number;
  column: number;
}

export class HclError extends Error {
  readonly place: Place | undefined;

  constructor(message: string, place?: Place) {
    super(message);
    this.name = "HclError";
    this.place = place;
  }
}

export const isList = (value: Value): value is Value[] => Array.isArray(value);

export const isObject = (value: Value): value is ObjectValue =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function objectOf(entries: Iterable<readonly [string, Value]>): ObjectValue {
  const made: ObjectValue = Object.create(null);
  for (const [name, value] of entries) made[name] = value;
  return made;
}

/** @throws HclError for what has no text. */
export function textOf(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new HclError(`a string is required, not ${kindOf(value)}`);
}

/** @throws HclError for what is no number. */
export function numberOf(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(value))
    return Number(value);
  throw new HclError(`a number is required${typeof value === "string" ? "" : `, not ${kindOf(value)}`}`);
}

/** @throws HclError for what is neither true nor false. */
export function truthOf(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new HclError(`a bool is required, not ${kindOf(value)}`);
}

export function kindOf(value: Value): string {
  if (value === null) return "null";
  if (isList(value)) return "tuple";
  if (isObject(value)) return "object";
  return typeof value === "boolean" ? "bool" : typeof value;
}

export function equal(a: Value, b: Value): boolean {
  if (isList(a))
    return isList(b) && a.length === b.length && a.every((each, at) => equal(each, b[at] as Value));
  if (isObject(a)) {
    if (!isObject(b)) return false;
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => name in b && equal(a[name] as Value, b[name] as Value))
    );
  }
  return a === b;
}

export function listOf(value: Value | undefined): Value[] {
  if (value !== undefined && isList(value)) return value;
  throw new HclError("a list is required");
}

export function mapOf(value: Value | undefined): Record<string, Value> {
  if (value !== undefined && isObject(value)) return value;
  throw new HclError("an object is required");
}

/** A function of values whose arguments were evaluated; its length is the number of those that it needs. */
export type Plain = (...args: Value[]) => Value;

/** `work` on arguments that were converted, with its own length. */
export function converting<T>(convert: (value: Value) => T, work: (...args: T[]) => Value): Plain {
  const made: Plain = (...args) => work(...args.map(convert));
  return Object.defineProperty(made, "length", { value: work.length });
}
