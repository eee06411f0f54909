import { invalidParameter } from "@berth/base";
import { goJsonSyntaxError, kindOfJson } from "./go-json.ts";

/**
 * The `filters` of list, prune and events: `{"label":["a","b"]}`, or the older `{"label":{"a":true}}`.
 * Values of one key are alternatives (labels: all must match); keys are all to be met.
 */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: Iterable<readonly [string, readonly string[]]> = []) {
    this.#values = new Map(values);
  }

  /** Reads the query parameter; absent or empty: no filters. @throws invalid-parameter with Go's sentence. */
  static parse(text: string | null | undefined): Filters {
    if (text === undefined || text === null || text === "") return new Filters();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw invalidParameter(goJsonSyntaxError(text));
    }
    if (json === null) return new Filters();
    if (kindOfJson(json) !== "object") {
      throw invalidParameter(
        `json: cannot unmarshal ${kindOfJson(json)} into Go value of type map[string]map[string]bool`,
      );
    }
    const values = new Map<string, string[]>();
    for (const [key, value] of Object.entries(json as object)) values.set(key, valuesOf(value));
    return new Filters(values);
  }

  get size(): number {
    return this.#values.size;
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The values of a key; empty when it is not there. */
  get(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  with(key: string, ...values: string[]): Filters {
    return new Filters([...this.#values, [key, [...this.get(key), ...values]]]);
  }

  /** @throws invalid-parameter `Invalid filter 'x'` when a key is not among `accepted`. */
  validate(accepted: readonly string[]): void {
    for (const key of this.#values.keys()) {
      if (!accepted.includes(key)) throw invalidParameter(`Invalid filter '${key}'`);
    }
  }

  /** A filter that holds one truth value: `true`/`1` or `false`/`0`. @throws invalid-parameter. */
  boolean(key: string, fallback: boolean): boolean {
    const values = this.get(key);
    if (values.length === 0) return fallback;
    const isTrue = values.includes("1") || values.includes("true");
    const isFalse = values.includes("0") || values.includes("false");
    if (isTrue === isFalse) throw invalidParameter(`Invalid filter '${key}=[${values.join(" ")}]'`);
    return isTrue;
  }

  /** True when the key is absent or one of its values is `value`. */
  exact(key: string, value: string): boolean {
    const values = this.#values.get(key);
    return values === undefined || values.length === 0 || values.includes(value);
  }

  /** True when the key is absent or one of its values begins `value`. */
  prefix(key: string, value: string): boolean {
    const values = this.#values.get(key);
    return values === undefined || values.length === 0 || values.some((each) => value.startsWith(each));
  }

  /** True when the key is absent or one of its values, a regular expression, is found in `value` (Docker's name filters). */
  pattern(key: string, value: string): boolean {
    const values = this.#values.get(key);
    if (values === undefined || values.length === 0) return true;
    return values.some((each) => {
      if (each === value) return true;
      try {
        return new RegExp(each).test(value);
      } catch {
        return false;
      }
    });
  }

  /** True when all of the key's `name` and `name=value` entries are met by `labels`. */
  labels(key: string, labels: Readonly<Record<string, string>> | null | undefined): boolean {
    return this.get(key).every((entry) => {
      const at = entry.indexOf("=");
      const name = at < 0 ? entry : entry.slice(0, at);
      const found = labels != null && Object.hasOwn(labels, name) ? labels[name] : undefined;
      return found !== undefined && (at < 0 || found === entry.slice(at + 1));
    });
  }

  /** The query parameter's form. */
  toString(): string {
    return JSON.stringify(Object.fromEntries(this.#values));
  }
}

function valuesOf(value: unknown): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) {
    for (const each of value) {
      if (typeof each !== "string") {
        throw invalidParameter(`json: cannot unmarshal ${kindOfJson(each)} into Go value of type string`);
      }
    }
    return [...new Set(value as string[])];
  }
  if (kindOfJson(value) !== "object") {
    throw invalidParameter(
      `json: cannot unmarshal ${kindOfJson(value)} into Go value of type map[string]bool`,
    );
  }
  for (const each of Object.values(value as object)) {
    if (typeof each !== "boolean") {
      throw invalidParameter(`json: cannot unmarshal ${kindOfJson(each)} into Go value of type bool`);
    }
  }
  return Object.keys(value as object);
}
