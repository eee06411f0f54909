import { DockerfileError } from "../parse/error.ts";
import { isSpace } from "../parse/words.ts";
import { ShellPattern } from "./pattern.ts";

/** Variables that an expansion may read. */
export interface Variables {
  get(name: string): string | undefined;
  keys(): Iterable<string>;
}

export interface ExpandOptions {
  /** The file's escape character; default `\`. */
  escapeToken?: string;
  /** Quotes stay in the result. */
  rawQuotes?: boolean;
  /** Escape characters stay in the result. */
  rawEscapes?: boolean;
  /** Quotes have no meaning (heredocs). */
  ignoreQuotes?: boolean;
  /** `$name` without a value stays as it is. */
  keepUnset?: boolean;
  /** `<< EOF` is one word. */
  heredocs?: boolean;
}

export interface Expansion {
  value: string;
  /** The result split at white space that was not quoted. */
  words: string[];
  /** Names that had a value. */
  used: Set<string>;
  /** Names that had none. */
  missing: Set<string>;
}

/** Characters of one expanded text: `ENV A=$A$A` twenty times is an attack. */
const MAX_RESULT = 1 << 20;
const MAX_DEPTH = 100;
const NAME_START = /[\p{L}_]/u;
const NAME = /[\p{L}\p{Nd}_]/u;
const DIGIT = /\p{Nd}/u;
const SPECIAL = new Set("@*#?-$!0");

/**
 * Expands variables and takes off quotes and escapes, as a shell does and with the operators that Dockerfiles have:
 * `$v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}`.
 * @throws DockerfileError `failed to process "…": …`.
 */
export function expand(text: string, variables: Variables, options: ExpandOptions = {}): Expansion {
  const escapeToken = options.escapeToken ?? "\\";
  const reader = new Reader(text, variables, { ...options, escapeToken });
  try {
    const { value, words } = reader.readUntil(undefined, options.rawEscapes ?? false);
    return { value, words, used: reader.used, missing: reader.missing };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`failed to process ${JSON.stringify(text.slice(0, 1000))}: ${error.message}`);
  }
}

/** Collects the words of an expansion. */
class Words {
  readonly list: string[] = [];
  #word = "";
  #inWord = false;

  add(text: string): void {
    for (const character of text) {
      if (!isSpace(character)) this.addRaw(character);
      else if (this.#inWord && this.#word !== "") this.#finish();
    }
  }

  addRaw(text: string): void {
    this.#word += text;
    this.#inWord = true;
  }

  finish(): string[] {
    if (this.#word !== "") this.#finish();
    return this.list;
  }

  #finish(): void {
    this.list.push(this.#word);
    this.#word = "";
    this.#inWord = false;
  }
}

class Reader {
  readonly used = new Set<string>();
  readonly missing = new Set<string>();
  readonly #text: string;
  readonly #variables: Variables;
  readonly #options: ExpandOptions & { escapeToken: string };
  #at = 0;
  #rawEscapes = false;
  #depth = 0;

  constructor(text: string, variables: Variables, options: ExpandOptions & { escapeToken: string }) {
    this.#text = text;
    this.#variables = variables;
    this.#options = options;
  }

  readUntil(stop: string | undefined, rawEscapes: boolean): { value: string; words: string[] } {
    if (++this.#depth > MAX_DEPTH) throw new DockerfileError("substitutions are nested too deeply");
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    try {
      return this.#readUntil(stop);
    } finally {
      this.#rawEscapes = before;
      this.#depth--;
    }
  }

  #readUntil(stop: string | undefined): { value: string; words: string[] } {
    const words = new Words();
    const { escapeToken, ignoreQuotes, heredocs } = this.#options;
    let value = "";
    const append = (text: string) => {
      value += text;
      if (value.length > MAX_RESULT) throw new DockerfileError("expanded text is too long");
    };
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === stop) {
        this.#at++;
        return { value, words: words.finish() };
      }
      if (character === "$") {
        const text = this.#dollar();
        append(text);
        words.add(text);
      } else if (!ignoreQuotes && (character === "'" || character === '"')) {
        const text = character === "'" ? this.#singleQuotes() : this.#doubleQuotes();
        append(text);
        words.addRaw(text);
      } else if (heredocs && character === "<") {
        const text = this.#heredocStart();
        append(text);
        words.addRaw(text);
      } else if (character === escapeToken) {
        this.#at++;
        if (this.#rawEscapes) {
          append(character);
          words.addRaw(character);
        }
        const next = this.#take();
        if (next === undefined) break;
        append(next);
        words.addRaw(next);
      } else {
        this.#at++;
        append(character);
        words.add(character);
      }
    }
    if (stop !== undefined) {
      throw new DockerfileError(`unexpected end of statement while looking for matching ${stop}`);
    }
    return { value, words: words.finish() };
  }

  #take(): string | undefined {
    return this.#text[this.#at++];
  }

  #heredocStart(): string {
    this.#at++;
    if (this.#text[this.#at] !== "<") return "<";
    const spaces = /^[\t\v\f\r ]*/.exec(this.#text.slice(this.#at + 1))![0];
    this.#at += 1 + spaces.length;
    return `<<${spaces}`;
  }

  #singleQuotes(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) {
      this.#at = this.#text.length;
      throw new DockerfileError("unexpected end of statement while looking for matching single-quote");
    }
    const raw = this.#options.rawQuotes;
    const text = raw ? this.#text.slice(this.#at, end + 1) : this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuotes(): string {
    const { escapeToken, rawQuotes } = this.#options;
    let value = rawQuotes ? '"' : "";
    this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) {
        throw new DockerfileError("unexpected end of statement while looking for matching double-quote");
      }
      if (character === '"') {
        this.#at++;
        return rawQuotes ? `${value}"` : value;
      }
      if (character === "$") {
        value += this.#dollar();
        continue;
      }
      this.#at++;
      if (character !== escapeToken) {
        value += character;
        continue;
      }
      if (this.#rawEscapes) value += character;
      const next = this.#text[this.#at];
      if (next === undefined) continue;
      if (next === '"' || next === "$" || next === escapeToken) {
        this.#at++;
        value += next;
      } else value += character;
    }
  }

  /** At `$`. */
  #dollar(): string {
    this.#at++;
    if (this.#text[this.#at] !== "{") {
      const name = this.#name();
      if (name === "") return "$";
      const value = this.#lookUp(name);
      return value ?? (this.#options.keepUnset ? `$${name}` : "");
    }
    this.#at++;
    const first = this.#text[this.#at];
    if (first === undefined) throw new DockerfileError("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") {
      throw new DockerfileError("syntax error: bad substitution");
    }
    const name = this.#name();
    const operator = this.#take();
    switch (operator) {
      case "}": {
        const value = this.#lookUp(name);
        return value ?? (this.#options.keepUnset ? `\${${name}}` : "");
      }
      case ":":
        return this.#modified(name, this.#take() ?? "", true);
      case "+":
      case "-":
      case "?":
      case "#":
      case "%":
        return this.#modified(name, operator, false);
      case "/":
        return this.#replaced(name);
      case undefined:
        throw new DockerfileError("syntax error: missing '}'");
      default:
        throw new DockerfileError(`unsupported modifier (${operator}) in substitution`);
    }
  }

  #untilBrace(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.readUntil(stop, rawEscapes).value;
    } catch (error) {
      if (!(error instanceof DockerfileError) || this.#at < this.#text.length) throw error;
      throw new DockerfileError(missing);
    }
  }

  #modified(name: string, operator: string, emptyIsUnset: boolean): string {
    const pattern = operator === "#" || operator === "%";
    const word = this.#untilBrace("}", pattern, "syntax error: missing '}'");
    const value = this.#lookUp(name);
    const shown = emptyIsUnset ? `:${operator}` : operator;
    if (this.#options.keepUnset && value === undefined) return `\${${name}${shown}${word}}`;
    const has = value !== undefined && !(emptyIsUnset && value === "");
    switch (operator) {
      case "-":
        return has ? value : word;
      case "+":
        return has ? word : "";
      case "?":
        if (has) return value;
        throw new DockerfileError(
          `${name}: ${word || `is not allowed to be ${value === undefined ? "unset" : "empty"}`}`,
        );
      case "#":
      case "%": {
        const longest = word.startsWith(operator);
        const matcher = new ShellPattern(longest ? word.slice(1) : word);
        return operator === "#"
          ? matcher.trimPrefix(value ?? "", longest)
          : matcher.trimSuffix(value ?? "", longest);
      }
      default:
        throw new DockerfileError(`unsupported modifier (${shown}) in substitution`);
    }
  }

  #replaced(name: string): string {
    const all = this.#text[this.#at] === "/";
    if (all) this.#at++;
    const pattern = this.#untilBrace("/", true, `syntax error: missing '/' in \${}`);
    const replacement = this.#untilBrace("}", true, "syntax error: missing '}'");
    const value = this.#lookUp(name);
    if (this.#options.keepUnset && value === undefined) {
      return `\${${name}/${all ? "/" : ""}${pattern}/${replacement}}`;
    }
    return new ShellPattern(pattern).replace(value ?? "", replacement, all);
  }

  /** Letters, digits and `_`; a number; or one special character. Empty when none is there. */
  #name(): string {
    const start = this.#at;
    const character = () => {
      const code = this.#text.codePointAt(this.#at);
      return code === undefined ? "" : String.fromCodePoint(code);
    };
    const first = character();
    if (DIGIT.test(first)) {
      while (DIGIT.test(character())) this.#at += character().length;
    } else if (SPECIAL.has(first)) this.#at++;
    else if (NAME_START.test(first)) {
      while (NAME.test(character())) this.#at += character().length;
    }
    return this.#text.slice(start, this.#at);
  }

  #lookUp(name: string): string | undefined {
    const value = this.#variables.get(name);
    (value === undefined ? this.missing : this.used).add(name);
    return value;
  }
}
