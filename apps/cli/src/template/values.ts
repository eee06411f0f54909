/**
 * Values that templates work on. A Go map is a `Map`, a Go slice an array, a Go struct a `Struct`, nil is `null`;
 * `undefined` is what a map gives for a key that it does not have. Whole numbers are ints, others floats.
 */
export class Struct {
  /** As Go names it in messages. */
  readonly type: string;
  /** Functions are methods: called when they are named, with what follows as arguments. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Fields that can be read but that JSON does not have, because it leaves out empty ones. */
  readonly hidden: Readonly<Record<string, unknown>>;
  /** Go's names of fields that are called otherwise in JSON. */
  readonly otherNames: Readonly<Record<string, string>>;

  constructor(
    type: string,
    fields: Readonly<Record<string, unknown>>,
    hidden: Readonly<Record<string, unknown>> = {},
    otherNames: Readonly<Record<string, string>> = {},
  ) {
    this.type = type;
    this.fields = fields;
    this.hidden = hidden;
    this.otherNames = otherNames;
  }

  has(name: string): boolean {
    return (
      Object.hasOwn(this.fields, name) ||
      Object.hasOwn(this.hidden, name) ||
      this.#fieldOf(name) !== undefined
    );
  }

  get(name: string): unknown {
    if (Object.hasOwn(this.fields, name)) return this.fields[name];
    const other = this.#fieldOf(name);
    return other === undefined ? this.hidden[name] : this.fields[other];
  }

  #fieldOf(name: string): string | undefined {
    const other = Object.hasOwn(this.otherNames, name) ? this.otherNames[name] : undefined;
    return other !== undefined && Object.hasOwn(this.fields, other) ? other : undefined;
  }
}

/** A Go map whose values have one type: `zero` is what a key gives that it does not have. */
export class TypedMap extends Map<string, unknown> {
  zero: unknown;
}

/** A slice that was never made: prints as an empty one, is null in JSON. */
export const NIL_SLICE: readonly unknown[] = [];
export const NIL_MAP: ReadonlyMap<string, unknown> = new TypedMap();

export type Kind = "nil" | "bool" | "int" | "float" | "string" | "slice" | "map" | "struct" | "func";

export function kindOf(value: unknown): Kind {
  if (value === null || value === undefined) return "nil";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "string":
      return "string";
    case "bigint":
      return "int";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    case "function":
      return "func";
    default:
      if (Array.isArray(value)) return "slice";
      return value instanceof Map ? "map" : "struct";
  }
}

/** A type's name in Go's messages. */
export function typeName(value: unknown): string {
  switch (kindOf(value)) {
    case "nil":
      return "<nil>";
    case "float":
      return "float64";
    case "slice":
      return "[]interface {}";
    case "map":
      return "map[string]interface {}";
    case "struct":
      return value instanceof Struct ? value.type : "struct";
    default:
      return kindOf(value);
  }
}

/** Go's notion of an empty value is false. */
export function isTrue(value: unknown): boolean {
  switch (kindOf(value)) {
    case "nil":
      return false;
    case "bool":
      return value as boolean;
    case "int":
    case "float":
      return Number(value) !== 0;
    case "string":
      return value !== "";
    case "slice":
      return (value as unknown[]).length > 0;
    case "map":
      return (value as Map<string, unknown>).size > 0;
    default:
      return true;
  }
}

export function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].sort(compareBytes);
}

/** Go orders strings by their UTF-8 bytes, which is the order of code points. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const left = [...a];
  const right = [...b];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Go's %v. `plus`: %+v, with the names of fields. */
export function goString(value: unknown, plus = false): string {
  switch (kindOf(value)) {
    case "nil":
      return "<nil>";
    case "string":
      return value as string;
    case "float":
      return goFloat(value as number);
    case "slice":
      return `[${(value as unknown[]).map((each) => goString(each, plus)).join(" ")}]`;
    case "map": {
      const map = value as Map<string, unknown>;
      return `map[${sortedKeys(map)
        .map((key) => `${key}:${goString(map.get(key), plus)}`)
        .join(" ")}]`;
    }
    case "struct": {
      const { fields: own, hidden } = value as Struct;
      const fields = [...Object.entries(own), ...Object.entries(hidden)].filter(
        ([, field]) => kindOf(field) !== "func",
      );
      return `{${fields
        .map(([name, field]) => (plus ? `${name}:${goString(field, plus)}` : goString(field, plus)))
        .join(" ")}}`;
    }
    default:
      return String(value);
  }
}

/** Go's %v of a float64: shortest, with an exponent below 1e-4 and from 1e21 on. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return String(value);
}

/** JSON as Go's encoder writes it without HTML escaping: maps sorted by key, structs in their order. */
export function toJson(value: unknown): string {
  if (value === NIL_SLICE || value === NIL_MAP) return "null";
  switch (kindOf(value)) {
    case "nil":
    case "func":
      return "null";
    case "int":
      return String(value);
    case "float":
      return JSON.stringify(value);
    case "bool":
      return String(value);
    case "string":
      return jsonString(value as string);
    case "slice":
      return `[${(value as unknown[]).map(toJson).join(",")}]`;
    case "map": {
      const map = value as Map<string, unknown>;
      return `{${sortedKeys(map)
        .map((key) => `${jsonString(key)}:${toJson(map.get(key))}`)
        .join(",")}}`;
    }
    default: {
      const struct = value as Struct;
      const entries = Object.entries(struct.fields).map(([name, field]) => {
        // Methods without arguments are what Docker's formatters put into JSON.
        const shown = typeof field === "function" ? (field.length === 0 ? field() : undefined) : field;
        return shown === undefined ? "" : `${jsonString(name)}:${toJson(shown)}`;
      });
      return `{${entries.filter((entry) => entry !== "").join(",")}}`;
    }
  }
}

function jsonString(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
