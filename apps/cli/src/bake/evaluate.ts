import type { Definition } from "./definition.ts";
import type { Attribute, Block, Body } from "./hcl/body.ts";
import { callStandard } from "./hcl/functions.ts";
import {
  HclError,
  isList,
  isObject,
  listOf,
  mapOf,
  objectOf,
  type Place,
  type Scope,
  textOf,
  truthOf,
  type Value,
} from "./hcl/value.ts";
import { ATTRIBUTES, type BakeTarget, type Kind, mergeTargets } from "./target.ts";

/** Blocks with labels that a bake file knows. */
export const BLOCKS = ["variable", "group", "target", "function"] as const;

const NAME = /^[a-zA-Z0-9_-]+$/;

export interface Surroundings {
  /** Variables that take the place of those of the files. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Variables that every file knows. */
  builtin: Readonly<Record<string, string>>;
  warn(message: string): void;
}

/** Bodies of all files together → groups and targets. @throws HclError */
export function evaluate(bodies: readonly Body[], surroundings: Surroundings): Definition {
  return new Evaluation(bodies, surroundings).definition();
}

class Evaluation implements Scope {
  readonly #variables = new Map<string, Block>();
  readonly #attributes = new Map<string, Attribute>();
  readonly #functions = new Map<string, Block>();
  readonly #blocks: Block[] = [];
  readonly #values = new Map<string, Value>();
  readonly #open: string[] = [];
  readonly #surroundings: Surroundings;

  constructor(bodies: readonly Body[], surroundings: Surroundings) {
    this.#surroundings = surroundings;
    for (const body of bodies) {
      for (const attribute of body.attributes.values()) this.#attributes.set(attribute.name, attribute);
      for (const block of body.blocks) {
        const [label = ""] = block.labels;
        if (block.type === "variable") this.#variables.set(label, block);
        else if (block.type === "function") this.#functions.set(label, block);
        else if (block.type === "group" || block.type === "target") {
          if (block.labels.length !== 1)
            throw new HclError(
              `Missing name for ${block.type}; All ${block.type} blocks must have 1 labels (name).`,
              block.place,
            );
          this.#blocks.push(block);
        } else surroundings.warn(`unknown block ${block.type} is ignored`);
      }
    }
  }

  definition(): Definition {
    const made: Definition = { groups: new Map(), targets: new Map() };
    // Variables are looked at even when nothing uses them, so that a wrong value of the environment is told.
    for (const name of [...this.#variables.keys(), ...this.#attributes.keys()]) this.lookup(name);
    for (const block of this.#blocks) {
      const instances = this.#instances(block);
      if (block.type === "group") {
        for (const { name, scope } of instances) made.groups.set(name, this.#group(block, scope));
        continue;
      }
      for (const { name, scope } of instances) {
        const before = made.targets.get(name);
        made.targets.set(name, mergeTargets(before ?? {}, this.#target(block, scope)));
      }
      const [label = ""] = block.labels;
      if (block.body.attributes.has("matrix"))
        made.groups.set(
          label,
          instances.map(({ name }) => name),
        );
    }
    return made;
  }

  lookup(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (name in this.#surroundings.builtin) return this.#surroundings.builtin[name];
    if (name === "target" || name === "group") return this.#blocksAsValue(name);
    const block = this.#variables.get(name);
    const attribute = this.#attributes.get(name);
    if (block === undefined && attribute === undefined) return undefined;
    if (this.#open.includes(name))
      throw new HclError(`Invalid expression; variable cycle not allowed for ${name}`);
    this.#open.push(name);
    try {
      const value = this.#variable(name, block, attribute);
      this.#values.set(name, value);
      return value;
    } finally {
      this.#open.pop();
    }
  }

  #variable(name: string, block: Block | undefined, attribute: Attribute | undefined): Value {
    const expression = block?.body.attributes.get("default")?.value ?? attribute?.value;
    const given = this.#surroundings.environment[name];
    const fallback = expression?.(this);
    if (block !== undefined && given === undefined) return this.#checked(name, block, fallback ?? "");
    if (given === undefined) return fallback ?? "";
    const value = converted(name, given, fallback, block?.place ?? attribute?.place);
    return block === undefined ? value : this.#checked(name, block, value);
  }

  /** Conditions of `validation` blocks. */
  #checked(name: string, block: Block, value: Value): Value {
    this.#values.set(name, value);
    for (const { type, body, place } of block.body.blocks) {
      if (type !== "validation") continue;
      const condition = body.attributes.get("condition")?.value(this);
      if (condition !== undefined && !truthOf(condition)) {
        const message = body.attributes.get("error_message")?.value(this);
        throw new HclError(
          `Validation failed; ${message === undefined ? `invalid value for ${name}` : textOf(message)}`,
          place,
        );
      }
    }
    return value;
  }

  /** `target.app.tags`: each is evaluated when it is asked for. */
  #blocksAsValue(type: string): Value {
    const made = objectOf([]);
    for (const block of this.#blocks) {
      if (block.type !== type) continue;
      const attributes = objectOf([]);
      for (const { name, value } of block.body.attributes.values()) {
        const key = `${type}.${block.labels[0]}.${name}`;
        Object.defineProperty(attributes, name, {
          enumerable: true,
          get: () => {
            if (this.#open.includes(key))
              throw new HclError(`Invalid expression; variable cycle not allowed for ${key}`);
            this.#open.push(key);
            try {
              return value(this);
            } finally {
              this.#open.pop();
            }
          },
        });
      }
      for (const [name, value] of [
        ["context", "."],
        ["dockerfile", "Dockerfile"],
      ] as const)
        if (type === "target" && !(name in attributes)) attributes[name] = value;
      made[block.labels[0] ?? ""] = attributes;
    }
    return made;
  }

  call(name: string, args: Parameters<Scope["call"]>[1], scope: Scope): Value {
    const own = this.#functions.get(name);
    if (own === undefined) {
      const value = callStandard(name, args, scope);
      if (value === undefined)
        throw new HclError(`Call to unknown function; There is no function named ${JSON.stringify(name)}.`);
      return value;
    }
    const {
      params,
      variadic_params: variadic,
      variadic_param: one,
      result,
    } = Object.fromEntries(own.body.attributes);
    if (result === undefined) throw new HclError(`function ${name} has no result`, own.place);
    const names = params === undefined ? [] : listOf(params.value(WORDS)).map(textOf);
    const last = (variadic ?? one)?.value(WORDS);
    if (args.length < names.length || (last === undefined && args.length > names.length))
      throw new HclError(
        `Function ${JSON.stringify(name)} expects ${names.length} argument(s), not ${args.length}.`,
      );
    if (this.#open.length > 200)
      throw new HclError(`Invalid expression; function cycle not allowed for ${name}`);
    const values = args.map((arg) => arg(scope));
    const bound = objectOf(names.map((each, at) => [each, values[at] as Value] as const));
    if (last !== undefined && last !== null) bound[textOf(last)] = values.slice(names.length);
    this.#open.push(`${name}()`);
    try {
      return result.value({
        lookup: (each) => (each in bound ? bound[each] : this.lookup(each)),
        call: (...call) => this.call(...call),
      });
    } finally {
      this.#open.pop();
    }
  }

  /** One, or one for each row of the matrix. */
  #instances(block: Block): { name: string; scope: Scope }[] {
    const [label = ""] = block.labels;
    const { attributes } = block.body;
    checkName(label, block.place);
    const matrix = attributes.get("matrix");
    const pattern = attributes.get("name");
    if (matrix === undefined) {
      const name = pattern === undefined ? label : textOf(pattern.value(this));
      return [{ name: checkName(name, pattern?.place), scope: this }];
    }
    let rows: Record<string, Value>[] = [{}];
    for (const [name, values] of Object.entries(mapOf(matrix.value(this))))
      rows = listOf(values).flatMap((value) => rows.map((row) => ({ ...row, [name]: value })));
    if (pattern === undefined) throw new HclError("Invalid name; matrix requires a name", matrix.place);
    if (rows.length > 10_000) throw new HclError("the matrix is too large", matrix.place);
    const seen = new Set<string>();
    return rows.map((row) => {
      const scope: Scope = {
        lookup: (name) => (Object.hasOwn(row, name) ? row[name] : this.lookup(name)),
        call: (name, args, inner) => this.call(name, args, inner),
      };
      const name = checkName(textOf(pattern.value(scope)), pattern.place);
      if (seen.has(name))
        throw new HclError(`Invalid name; duplicate name ${JSON.stringify(name)}`, pattern.place);
      seen.add(name);
      return { name, scope };
    });
  }

  #group(block: Block, scope: Scope): string[] {
    const attribute = block.body.attributes.get("targets");
    if (attribute === undefined) return [];
    return read("list", attribute, scope) as string[];
  }

  #target(block: Block, scope: Scope): BakeTarget {
    const made: Record<string, unknown> = {};
    for (const attribute of block.body.attributes.values()) {
      const { name } = attribute;
      if (name === "name" || name === "matrix") continue;
      if (!Object.hasOwn(ATTRIBUTES, name)) {
        this.#surroundings.warn(`unknown attribute ${name} of target ${block.labels[0]} is ignored`);
        continue;
      }
      const value = read(ATTRIBUTES[name as keyof BakeTarget], attribute, scope);
      if (value !== undefined) made[name] = value;
    }
    return made as BakeTarget;
  }
}

/** Parameters of functions are words that mean themselves. */
const WORDS: Scope = {
  lookup: (name) => name,
  call() {
    throw new HclError("parameters must be names");
  },
};

function checkName(name: string, place: Place | undefined): string {
  if (!NAME.test(name)) throw new HclError('Invalid name; only "[a-zA-Z0-9_-]+" are allowed', place);
  return name;
}

/** An environment variable's text as a value of the default's type. */
function converted(name: string, text: string, fallback: Value | undefined, place: Place | undefined): Value {
  if (typeof fallback === "number") {
    const value = Number(text);
    if (text.trim() === "" || Number.isNaN(value))
      throw new HclError(
        `Invalid value; failed to parse ${name} as number: parsing ${JSON.stringify(text)}: invalid syntax`,
        place,
      );
    return value;
  }
  if (typeof fallback === "boolean") {
    if (/^(?:1|t|true)$/i.test(text)) return true;
    if (/^(?:0|f|false)$/i.test(text)) return false;
    throw new HclError(
      `Invalid value; failed to parse ${name} as bool: parsing ${JSON.stringify(text)}: invalid syntax`,
      place,
    );
  }
  if (fallback === undefined || fallback === null || typeof fallback === "string") return text;
  try {
    const value = JSON.parse(text) as Value;
    if (isList(value) === isList(fallback) && isObject(value) === isObject(fallback)) return value;
  } catch {
    if (isList(fallback)) return text === "" ? [] : text.split(",");
  }
  throw new HclError(
    `Invalid value; failed to parse ${name} as ${isList(fallback) ? "tuple" : "object"}`,
    place,
  );
}

function read(kind: Kind, attribute: Attribute, scope: Scope): unknown {
  const { value: expression, place } = attribute;
  const value = expression(scope);
  if (value === null) return undefined;
  const wrong = (what: string) =>
    new HclError(`Unsuitable value type; Unsuitable value: ${what} required`, place);
  try {
    switch (kind) {
      case "text":
        return textOf(value);
      case "truth":
        return truthOf(value);
      case "list":
        if (!isList(value)) throw wrong("list of string");
        return value.flatMap((each) =>
          each === null ? [] : isObject(each) ? [keyValues(each)] : [textOf(each)],
        );
      case "map":
        if (!isObject(value)) throw wrong("map of string");
        return Object.fromEntries(
          Object.entries(value).map(([name, each]) => [name, each === null ? null : textOf(each)]),
        );
    }
  } catch (error) {
    if (error instanceof HclError && error.place === undefined) throw new HclError(error.message, place);
    throw error;
  }
}

/** `{type = "local", dest = "x"}` as `type=local,dest=x`. */
function keyValues(value: Record<string, Value>): string {
  return Object.entries(value)
    .map(([name, each]) => `${name}=${textOf(each)}`)
    .join(",");
}
