import { BUILTINS, type TemplateFunction } from "./builtins.ts";
import { TemplateError } from "./error.ts";
import { type Command, type Operand, type Pipe, type Statement, showNode, type Template } from "./nodes.ts";
import { goString, isTrue, kindOf, Struct, sortedKeys, typeName } from "./values.ts";

export interface EvaluateOptions {
  functions: Readonly<Record<string, TemplateFunction>>;
  /** A key that a map does not have is an error instead of `<no value>`. */
  missingKeyIsError?: boolean;
}

const DEEPEST_TEMPLATE = 1000;
const MOST_OUTPUT = 64 * 1024 * 1024;
const MOST_STEPS = 1_000_000;

/** Runs a template on `data`. @throws TemplateError with Go's sentence. */
export function evaluate(template: Template, data: unknown, options: EvaluateOptions): string {
  return new Evaluator(template, options).run(data);
}

type Flow = "next" | "break" | "continue";
interface Variable {
  name: string;
  value: unknown;
}
/** No final argument: the pipeline's first command. */
const NONE = Symbol("none");

class Evaluator {
  readonly #template: Template;
  readonly #options: EvaluateOptions;
  #out = "";
  #variables: Variable[] = [];
  #depth = 0;
  #steps = 0;
  #name = "";
  /** What Go's messages name: the node whose evaluation began last. */
  #looksAt: Operand | Command = { kind: "dot", at: 0 };

  constructor(template: Template, options: EvaluateOptions) {
    this.#template = template;
    this.#options = options;
  }

  run(data: unknown): string {
    this.#variables = [{ name: "$", value: data }];
    this.#walk(this.#template.body, data);
    return this.#out;
  }

  /** `node`: where it happened, when that is not what was looked at last. */
  #fail(message: string, node: Operand | Command = this.#looksAt): TemplateError {
    return new TemplateError(message, this.#template.source, node.at, {
      node: showNode(node),
      template: this.#name,
    });
  }

  #write(text: string): void {
    if (this.#out.length + text.length > MOST_OUTPUT) {
      throw new TemplateError("output is too long", this.#template.source, 0);
    }
    this.#out += text;
  }

  #walk(statements: readonly Statement[], dot: unknown): Flow {
    for (const statement of statements) {
      if (++this.#steps > MOST_STEPS) {
        throw new TemplateError("execution takes too many steps", this.#template.source, 0);
      }
      switch (statement.kind) {
        case "text":
          this.#write(statement.text);
          break;
        case "action": {
          const value = this.#pipe(statement.pipe, dot);
          if (statement.pipe.variables.length === 0) this.#write(printed(value));
          break;
        }
        case "break":
        case "continue":
          return statement.kind;
        case "template":
          this.#call(statement, dot);
          break;
        default: {
          const scope = this.#variables.length;
          const flow = this.#branch(statement, dot);
          this.#variables.length = scope;
          if (flow !== "next") return flow;
        }
      }
    }
    return "next";
  }

  #branch(statement: Extract<Statement, { kind: "if" | "with" | "range" }>, dot: unknown): Flow {
    const value = this.#pipe(statement.pipe, dot, statement.kind === "range");
    if (statement.kind === "range") return this.#range(statement, value, dot);
    if (!isTrue(value)) return this.#walk(statement.otherwise, dot);
    return this.#walk(statement.body, statement.kind === "with" ? value : dot);
  }

  #range(statement: Extract<Statement, { kind: "range" }>, value: unknown, dot: unknown): Flow {
    const { variables, assign } = statement.pipe;
    const scope = this.#variables.length;
    const items: Iterable<readonly [unknown, unknown]> = this.#items(statement.pipe, value);
    let any = false;
    for (const [key, item] of items) {
      any = true;
      // One variable is the element, two are index and element.
      const given = variables.length === 1 ? [item] : [key, item];
      for (const [at, name] of variables.entries()) {
        if (assign) this.#assign(name, given[at]);
        else this.#variables.push({ name, value: given[at] });
      }
      const flow = this.#walk(statement.body, item);
      this.#variables.length = scope;
      if (flow === "break") break;
    }
    return any ? "next" : this.#walk(statement.otherwise, dot);
  }

  *#items(pipe: Pipe, value: unknown): Generator<readonly [unknown, unknown]> {
    switch (kindOf(value)) {
      case "slice":
        yield* (value as unknown[]).entries();
        return;
      case "map": {
        const map = value as Map<string, unknown>;
        for (const key of sortedKeys(map)) yield [key, map.get(key)];
        return;
      }
      case "nil":
        return;
      case "int":
        for (let at = 0; at < Number(value); at++) {
          if (++this.#steps > MOST_STEPS) throw this.#fail("execution takes too many steps", pipe);
          yield [at, at];
        }
        return;
      default:
        throw this.#fail(`range can't iterate over ${goString(value)}`, pipe);
    }
  }

  #call(statement: Extract<Statement, { kind: "template" }>, dot: unknown): void {
    const body = this.#template.named.get(statement.name);
    const node: Operand = {
      kind: "literal",
      at: statement.at,
      value: "",
      text: `{{template ${JSON.stringify(statement.name)}}}`,
    };
    if (body === undefined) throw this.#fail(`template ${JSON.stringify(statement.name)} not defined`, node);
    if (++this.#depth > DEEPEST_TEMPLATE) throw this.#fail("exceeded maximum template depth", node);
    const data = statement.pipe === undefined ? null : this.#pipe(statement.pipe, dot);
    const [variables, name] = [this.#variables, this.#name];
    this.#variables = [{ name: "$", value: data }];
    this.#name = statement.name;
    this.#walk(body, data);
    this.#variables = variables;
    this.#name = name;
    this.#depth--;
  }

  /** `keepVariables`: a range sets its variables itself. */
  #pipe(pipe: Pipe, dot: unknown, keepVariables = false): unknown {
    this.#looksAt = pipe;
    let value: unknown = NONE;
    for (const command of pipe.commands) value = this.#command(command, dot, value);
    if (!keepVariables) {
      for (const name of pipe.variables) {
        if (pipe.assign) this.#assign(name, value);
        else this.#variables.push({ name, value });
      }
    }
    return value;
  }

  #assign(name: string, value: unknown): void {
    for (let at = this.#variables.length - 1; at >= 0; at--) {
      const variable = this.#variables[at]!;
      if (variable.name === name) {
        variable.value = value;
        return;
      }
    }
  }

  #command(command: Command, dot: unknown, final: unknown): unknown {
    const first = command.operands[0]!;
    const rest = command.operands.slice(1);
    this.#looksAt = first;
    switch (first.kind) {
      case "function":
        return this.#function(first, command, rest, dot, final);
      case "field":
        return this.#fields(first, dot, first.names, rest, dot, final);
      case "variable":
        return this.#fields(first, this.#variable(first.name), first.names, rest, dot, final);
      case "chain":
        return this.#fields(first, this.#operand(first.of, dot), first.names, rest, dot, final);
      default:
        if (rest.length > 0 || final !== NONE) {
          throw this.#fail(`can't give argument to non-function ${showNode(first)}`, first);
        }
        if (first.kind === "nil") throw this.#fail("nil is not a command", first);
        return this.#operand(first, dot);
    }
  }

  #operand(operand: Operand, dot: unknown): unknown {
    this.#looksAt = operand;
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "literal":
        return operand.value;
      case "pipe":
        return this.#pipe(operand, dot);
      default:
        return this.#command({ at: operand.at, operands: [operand] }, dot, NONE);
    }
  }

  #variable(name: string): unknown {
    for (let at = this.#variables.length - 1; at >= 0; at--) {
      const variable = this.#variables[at]!;
      if (variable.name === name) return variable.value;
    }
    return undefined;
  }

  #arguments(rest: readonly Operand[], dot: unknown, final: unknown): unknown[] {
    const args = rest.map((operand) => this.#operand(operand, dot));
    return final === NONE ? args : [...args, final];
  }

  #function(
    node: Extract<Operand, { kind: "function" }>,
    command: Command,
    rest: readonly Operand[],
    dot: unknown,
    final: unknown,
  ): unknown {
    const { name } = node;
    if (name === "and" || name === "or") {
      let value: unknown = NONE;
      for (const operand of rest) {
        value = this.#operand(operand, dot);
        if (isTrue(value) === (name === "or")) return value;
      }
      if (final !== NONE) value = final;
      if (value === NONE) throw this.#fail(`wrong number of args for ${name}: want at least 1 got 0`, node);
      return value;
    }
    const found = this.#options.functions[name] ?? BUILTINS[name]!;
    const args = this.#arguments(rest, dot, final);
    const [least, most] = found.arity;
    if (args.length < least || args.length > most) {
      const wanted = least === most ? String(least) : `at least ${least}`;
      throw this.#fail(`wrong number of args for ${name}: want ${wanted} got ${args.length}`, node);
    }
    for (const [at, parameter] of (found.parameters ?? []).entries()) {
      const complaint = mismatch(parameter, args[at], rest[at]);
      if (complaint !== undefined) throw this.#fail(complaint, rest[at] ?? node);
    }
    try {
      return found.call(args);
    } catch (error) {
      throw this.#fail(`error calling ${name}: ${(error as Error).message}`, command);
    }
  }

  #fields(
    node: Operand,
    start: unknown,
    names: readonly string[],
    rest: readonly Operand[],
    dot: unknown,
    final: unknown,
  ): unknown {
    let value = start;
    let untyped = false;
    for (const [at, name] of names.entries()) {
      const last = at === names.length - 1;
      const receiver = value;
      const given = last ? rest.length + (final === NONE ? 0 : 1) : 0;
      value = this.#field(receiver, name, given, () => this.#arguments(rest, dot, final), untyped);
      untyped = receiver instanceof Map;
    }
    if (names.length === 0 && (rest.length > 0 || final !== NONE)) {
      throw this.#fail(`can't give argument to non-function ${showNode(node)}`, node);
    }
    return value;
  }

  #field(
    receiver: unknown,
    name: string,
    given: number,
    args: () => unknown[],
    /** The receiver came out of a map, so that its static type is `interface {}`. */
    untyped: boolean,
  ): unknown {
    if (receiver instanceof Struct) {
      if (!receiver.has(name)) {
        throw this.#fail(`can't evaluate field ${name} in type ${receiver.type}`);
      }
      const field = receiver.get(name);
      if (typeof field === "function") {
        if (given !== field.length) {
          throw this.#fail(`wrong number of args for ${name}: want ${field.length} got ${given}`);
        }
        return given === 0 ? field() : field(...args());
      }
      if (given > 0) throw this.#fail(`${name} has arguments but cannot be invoked as function`);
      return field;
    }
    if (receiver instanceof Map) {
      if (given > 0) throw this.#fail(`${name} is not a method but has arguments`);
      if (!receiver.has(name) && this.#options.missingKeyIsError) {
        throw this.#fail(`map has no entry for key ${JSON.stringify(name)}`);
      }
      return receiver.get(name);
    }
    if (receiver === null || receiver === undefined) {
      if (receiver === undefined && !this.#options.missingKeyIsError) return undefined;
      throw this.#fail(
        receiver === undefined
          ? `nil data; no entry for key ${JSON.stringify(name)}`
          : `nil pointer evaluating interface {}.${name}`,
      );
    }
    throw this.#fail(`can't evaluate field ${name} in type ${untyped ? "interface {}" : typeName(receiver)}`);
  }
}

/** Go's complaint about an argument of the wrong type; literals have sentences of their own. */
function mismatch(parameter: string, value: unknown, node: Operand | undefined): string | undefined {
  const kind = kindOf(value);
  const wanted = { string: "string", int: "int", strings: "slice", any: kind }[parameter];
  if (kind === wanted) return undefined;
  const type = parameter === "strings" ? "[]string" : parameter;
  if (node?.kind === "literal") {
    if (parameter === "strings") return `can't handle ${node.text} for arg of type []string`;
    return `expected ${parameter === "int" ? "integer" : parameter}; found ${node.text}`;
  }
  if (value === undefined || value === null) return `invalid value; expected ${type}`;
  return `wrong type for value; expected ${type}; got ${typeName(value)}`;
}

/** What an action prints. */
function printed(value: unknown): string {
  return value === undefined ? "<no value>" : goString(value);
}
