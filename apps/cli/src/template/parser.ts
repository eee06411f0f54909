import { quote } from "../format/quote.ts";
import { TemplateError } from "./error.ts";
import { type Token, type TokenKind, tokenize } from "./lexer.ts";
import type { Command, Operand, Pipe, Statement, Template } from "./nodes.ts";
import { unquote } from "./unquote.ts";

const MOST_CHARACTERS = 256 * 1024;
const DEEPEST = 200;

/** @param functions names that may be called. @throws TemplateError with Go's sentence. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Template {
  if (source.length > MOST_CHARACTERS) throw new TemplateError("template is too long", source, 0);
  return new Parser(source, functions).parse();
}

/** What ended a list of statements. */
type Ending = { word: "end" | "else"; at: number };

class Parser {
  readonly #source: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: Token[];
  readonly #named = new Map<string, Statement[]>();
  #next = 0;
  #variables: string[] = ["$"];
  #depth = 0;
  #rangeDepth = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#functions = functions;
    this.#tokens = tokenize(source);
  }

  parse(): Template {
    const body: Statement[] = [];
    const ending = this.#statements(body);
    if (ending !== undefined) throw this.#fail(`unexpected {{${ending.word}}}`, ending.at);
    return { source: this.#source, body, named: this.#named };
  }

  #fail(message: string, at: number): TemplateError {
    return new TemplateError(message, this.#source, at);
  }

  #take(): Token {
    const token = this.#tokens[this.#next]!;
    if (token.kind !== "end-of-template") this.#next++;
    return token;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #skipSpace(): void {
    while (this.#peek().kind === "space") this.#next++;
  }

  #takeNonSpace(): Token {
    this.#skipSpace();
    return this.#take();
  }

  #peekNonSpace(): Token {
    this.#skipSpace();
    return this.#peek();
  }

  #unexpected(token: Token, context: string): TemplateError {
    const shown = token.kind === "end-of-template" ? "EOF" : describe(token);
    return this.#fail(`unexpected ${shown} in ${context}`, token.at);
  }

  #expect(kind: TokenKind, context: string): Token {
    const token = this.#takeNonSpace();
    if (token.kind !== kind) throw this.#unexpected(token, context);
    return token;
  }

  /** Reads statements up to `{{end}}`, `{{else…` (its pipe is left to be read) or, outermost, the template's end. */
  #statements(into: Statement[]): Ending | undefined {
    if (++this.#depth > DEEPEST) throw this.#fail("exceeded maximum template depth", this.#peek().at);
    try {
      for (;;) {
        const token = this.#take();
        if (token.kind === "end-of-template") {
          if (this.#depth > 1) throw this.#fail("unexpected EOF", token.at);
          return undefined;
        }
        if (token.kind === "text") {
          into.push({ kind: "text", text: token.text });
          continue;
        }
        const first = this.#peekNonSpace();
        if (first.kind !== "keyword") {
          const pipe = this.#pipe("command", "right");
          into.push({ kind: "action", pipe });
          continue;
        }
        this.#take();
        const ending = this.#keyword(first, into);
        if (ending !== undefined) return ending;
      }
    } finally {
      this.#depth--;
    }
  }

  #keyword(token: Token, into: Statement[]): Ending | undefined {
    const { at } = token;
    switch (token.text) {
      case "end":
        this.#expect("right", "end");
        return { word: "end", at };
      case "else":
        return { word: "else", at };
      case "if":
      case "with":
      case "range":
        into.push(this.#control(token.text, at));
        return undefined;
      case "break":
      case "continue":
        if (this.#rangeDepth === 0) throw this.#fail(`{{${token.text}}} outside {{range}}`, at);
        this.#expect("right", `{{${token.text}}}`);
        into.push({ kind: token.text, at });
        return undefined;
      case "define":
        this.#define(at);
        return undefined;
      case "template":
      case "block":
        into.push(this.#call(token.text, at));
        return undefined;
      default:
        throw this.#unexpected(token, "command");
    }
  }

  #control(kind: "if" | "with" | "range", at: number): Statement {
    const scope = this.#variables.length;
    const pipe = this.#pipe(kind, "right");
    if (kind === "range") this.#rangeDepth++;
    const body: Statement[] = [];
    const otherwise: Statement[] = [];
    let ending = this.#statements(body);
    if (kind === "range") this.#rangeDepth--;
    if (ending?.word === "else") {
      const next = this.#peekNonSpace();
      if (next.kind === "keyword" && next.text === kind && kind !== "range") {
        // {{else if}} is an {{if}} within the {{else}} that shares its {{end}}.
        this.#take();
        otherwise.push(this.#control(kind, next.at));
        this.#variables.length = scope;
        return { kind, at, pipe, body, otherwise };
      }
      this.#expect("right", "else");
      ending = this.#statements(otherwise);
      if (ending?.word === "else") {
        throw this.#fail("expected end; found {{else}}", ending.at);
      }
    }
    this.#variables.length = scope;
    return { kind, at, pipe, body, otherwise };
  }

  #define(at: number): void {
    const name = this.#name("define clause");
    this.#expect("right", "define clause");
    this.#named.set(name, this.#scoped(at));
  }

  /** Statements up to `{{end}}`, with variables of their own. */
  #scoped(at: number): Statement[] {
    const variables = this.#variables;
    this.#variables = ["$"];
    const body: Statement[] = [];
    const ending = this.#statements(body);
    if (ending?.word !== "end") throw this.#fail("unexpected {{else}} in define clause", ending?.at ?? at);
    this.#variables = variables;
    return body;
  }

  #call(kind: "template" | "block", at: number): Statement {
    const context = kind === "block" ? "block clause" : "template clause";
    const nameAt = this.#peekNonSpace().at;
    const name = this.#name(context);
    let pipe: Pipe | undefined;
    if (kind === "block" || this.#peekNonSpace().kind !== "right") pipe = this.#pipe(context, "right");
    else this.#take();
    if (kind === "block") this.#named.set(name, this.#scoped(at));
    return { kind: "template", at: nameAt, name, pipe };
  }

  #name(context: string): string {
    const token = this.#takeNonSpace();
    if (token.kind !== "string" && token.kind !== "raw-string") throw this.#unexpected(token, context);
    return unquote(token.text) ?? "";
  }

  #pipe(context: string, end: "right" | ")"): Pipe {
    const first = this.#peekNonSpace();
    const pipe: Pipe = { kind: "pipe", at: first.at, variables: [], assign: false, commands: [] };
    if (first.kind === "variable") this.#declarations(pipe, context);
    for (;;) {
      const token = this.#takeNonSpace();
      if (token.kind === end) {
        if (pipe.commands.length === 0) throw this.#fail(`missing value for ${context}`, token.at);
        for (const [index, command] of pipe.commands.entries()) {
          const literal = command.operands[0]!;
          if (index > 0 && ["dot", "nil", "literal"].includes(literal.kind)) {
            throw this.#fail(`non executable command in pipeline stage ${index + 1}`, command.at);
          }
        }
        this.#variables.push(...(pipe.assign ? [] : pipe.variables));
        return pipe;
      }
      if (!STARTS_OPERAND.has(token.kind)) throw this.#unexpected(token, context);
      this.#next--;
      pipe.commands.push(this.#command());
    }
  }

  #declarations(pipe: Pipe, context: string): void {
    const start = this.#next;
    const names: string[] = [];
    for (;;) {
      const variable = this.#peekNonSpace();
      if (variable.kind !== "variable") break;
      this.#take();
      names.push(variable.text);
      const next = this.#peekNonSpace();
      if (next.kind === ":=" || next.kind === "=") {
        this.#take();
        if (names.length > 1 && context !== "range") {
          throw this.#fail(`too many declarations in ${context}`, next.at);
        }
        if (next.kind === "=") {
          for (const name of names) this.#checkVariable(name, next.at);
        }
        pipe.variables = names;
        pipe.assign = next.kind === "=";
        return;
      }
      if (next.kind !== ",") break;
      if (context !== "range") throw this.#fail(`too many declarations in ${context}`, next.at);
      if (names.length > 1) break;
      this.#take();
    }
    // Merely used.
    this.#next = start;
  }

  #checkVariable(name: string, at: number): void {
    if (!this.#variables.includes(name)) throw this.#fail(`undefined variable ${quote(name)}`, at);
  }

  #command(): Command {
    const command: Command = { at: this.#peekNonSpace().at, operands: [] };
    for (;;) {
      this.#skipSpace();
      const operand = this.#operand();
      if (operand !== undefined) command.operands.push(operand);
      const token = this.#take();
      if (token.kind === "space") continue;
      if (token.kind === "pipe") {
        // A pipe with nothing behind it is allowed.
      } else if (token.kind === "right" || token.kind === ")") this.#next--;
      else throw this.#unexpected(token, "operand");
      break;
    }
    if (command.operands.length === 0) throw this.#fail("empty command", command.at);
    return command;
  }

  #operand(): Operand | undefined {
    const of = this.#term();
    if (of === undefined || this.#peek().kind !== "field") return of;
    const at = this.#peek().at;
    const names: string[] = [];
    while (this.#peek().kind === "field") names.push(this.#take().text.slice(1));
    switch (of.kind) {
      case "field":
        return { kind: "field", at, names: [...of.names, ...names] };
      case "variable":
        return { kind: "variable", at, name: of.name, names: [...of.names, ...names] };
      case "literal":
      case "nil":
      case "dot":
        throw this.#fail(
          `unexpected . after term ${quote(of.kind === "literal" ? of.text : of.kind === "dot" ? "." : "nil")}`,
          at,
        );
      default:
        return { kind: "chain", at, of, names };
    }
  }

  #term(): Operand | undefined {
    const token = this.#peek();
    const { at, text } = token;
    if (!STARTS_OPERAND.has(token.kind)) return undefined;
    this.#take();
    switch (token.kind) {
      case "identifier":
        if (!this.#functions.has(text)) throw this.#fail(`function ${quote(text)} not defined`, at);
        return { kind: "function", at, name: text };
      case "dot":
        return { kind: "dot", at };
      case "nil":
        return { kind: "nil", at };
      case "variable":
        this.#checkVariable(text, at);
        return { kind: "variable", at, name: text, names: [] };
      case "field":
        return { kind: "field", at, names: [text.slice(1)] };
      case "bool":
        return { kind: "literal", at, value: text === "true", text };
      case "number":
        return { kind: "literal", at, value: this.#number(text, at), text };
      case "(": {
        if (++this.#depth > DEEPEST) throw this.#fail("exceeded maximum template depth", at);
        const pipe = this.#pipe("parenthesized pipeline", ")");
        this.#depth--;
        return pipe;
      }
      default: {
        const value = unquote(text);
        if (value === undefined) {
          const character = token.kind === "character";
          throw this.#fail(character ? `malformed character constant: ${text}` : "invalid syntax", at);
        }
        return {
          kind: "literal",
          at,
          value: token.kind === "character" ? value.codePointAt(0)! : value,
          text,
        };
      }
    }
  }

  #number(text: string, at: number): number | bigint {
    const plain = text.replaceAll("_", "");
    if (plain.endsWith("i")) throw this.#fail(`complex numbers are not supported: ${quote(text)}`, at);
    const sign = plain.startsWith("-") ? -1 : 1;
    const digits = plain.replace(/^[+-]/, "").replace(/^0(?=[0-7]+$)/, "0o");
    const value = Number(digits);
    if (Number.isNaN(value)) throw this.#fail(`bad number syntax: ${quote(text)}`, at);
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.eE]/.test(digits)) {
      return BigInt(sign) * BigInt(digits);
    }
    return sign * value;
  }
}

const STARTS_OPERAND: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "identifier",
  "dot",
  "nil",
  "variable",
  "field",
  "bool",
  "number",
  "(",
  "string",
  "raw-string",
  "character",
]);

function describe(token: Token): string {
  if (token.kind === "keyword") return `<${token.text}>`;
  const text = token.text.length > 10 ? `${token.text.slice(0, 10)}` : token.text;
  return token.text.length > 10 ? `${quote(text)}...` : quote(text);
}
