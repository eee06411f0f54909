import { invalidParameter, messageOf } from "@berth/base";

/*
 * Words of Dockerfile instructions: the quoting and the variables of a shell, in the small form that the Dockerfile reference
 * describes ("Environment replacement").
 */

export type Variables = ReadonlyMap<string, string>;

/** Variables of a configuration's `NAME=value` list; later ones win. */
export function variablesOf(env: readonly string[] | null | undefined): Map<string, string> {
  const variables = new Map<string, string>();
  for (const entry of env ?? []) {
    const at = entry.indexOf("=");
    variables.set(at < 0 ? entry : entry.slice(0, at), at < 0 ? "" : entry.slice(at + 1));
  }
  return variables;
}

/** The text without quotes, escapes and variables. @throws invalid-parameter for an open quote or brace. */
export function expand(text: string, variables: Variables): string {
  return naming(text, () => new Expander(text, variables).word());
}

/** As `expand`, then split where spaces were outside of quotes. */
export function expandToWords(text: string, variables: Variables): string[] {
  return naming(text, () => new Expander(text, variables).words());
}

function naming<T>(text: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw invalidParameter(`failed to process ${JSON.stringify(text)}: ${messageOf(error)}`);
  }
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPECIAL = /[@*#0-9?!$-]/;

class Expander {
  readonly #text: string;
  readonly #variables: Variables;
  #at = 0;
  #words: string[] = [];
  #current = "";
  #started = false;

  constructor(text: string, variables: Variables) {
    this.#text = text;
    this.#variables = variables;
  }

  word(): string {
    return this.#run().current;
  }

  words(): string[] {
    this.#run(true);
    this.#endWord();
    return this.#words;
  }

  #run(split = false): { current: string } {
    const text = this.#text;
    while (this.#at < text.length) {
      const character = text[this.#at]!;
      if (character === "'") this.#single();
      else if (character === '"') this.#double();
      else if (character === "$") {
        const value = this.#dollar();
        if (!split) this.#add(value);
        else {
          // What a variable holds is split too.
          for (const [n, part] of value.split(/[ \t\n\r]+/).entries()) {
            if (n > 0) this.#endWord();
            if (part !== "") this.#add(part);
          }
        }
      } else if (character === "\\") {
        if (this.#at + 1 >= text.length) break;
        this.#add(text[this.#at + 1]!);
        this.#at += 2;
      } else if (split && /[ \t\n\r]/.test(character)) {
        this.#endWord();
        this.#at++;
      } else {
        this.#add(character);
        this.#at++;
      }
    }
    return { current: this.#current };
  }

  #add(text: string): void {
    this.#current += text;
    this.#started = true;
  }

  #endWord(): void {
    if (this.#started) this.#words.push(this.#current);
    this.#current = "";
    this.#started = false;
  }

  #single(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw unterminated("single-quote");
    this.#add(this.#text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #double(): void {
    this.#add("");
    this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw unterminated("double-quote");
      if (character === '"') {
        this.#at++;
        return;
      }
      if (character === "$") this.#add(this.#dollar());
      else if (character === "\\") {
        const next = this.#text[this.#at + 1];
        if (next === undefined) throw unterminated("double-quote");
        // Only these are special between double quotes.
        this.#add(next === '"' || next === "$" || next === "\\" ? next : `\\${next}`);
        this.#at += 2;
      } else {
        this.#add(character);
        this.#at++;
      }
    }
  }

  /** At a `$`: the value of what follows. */
  #dollar(): string {
    this.#at++;
    const next = this.#text[this.#at];
    if (next === "{") return this.#braces();
    const name = this.#name();
    if (name !== undefined) return this.#variables.get(name) ?? "";
    return "$";
  }

  #name(): string | undefined {
    NAME.lastIndex = this.#at;
    const match = NAME.exec(this.#text);
    const name = match?.[0] ?? (SPECIAL.test(this.#text[this.#at] ?? "") ? this.#text[this.#at] : undefined);
    if (name !== undefined) this.#at += name.length;
    return name;
  }

  /** `${name}`, `${name:-default}`, `${name:+alternative}`, `${name:?message}`, and these without the colon. */
  #braces(): string {
    this.#at++;
    const name = this.#name();
    if (name === undefined) throw invalidParameter("syntax error: bad substitution");
    const value = this.#variables.get(name);
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return value ?? "";
    }
    if (this.#text[this.#at] === undefined) throw invalidParameter("missing ':' in substitution");
    const colon = this.#text[this.#at] === ":";
    if (colon) this.#at++;
    const modifier = this.#text[this.#at++];
    const word = this.#untilBrace();
    const isSet = colon ? value !== undefined && value !== "" : value !== undefined;
    switch (modifier) {
      case "-":
        return isSet ? value! : word;
      case "+":
        return isSet ? word : "";
      case "?":
        if (isSet) return value!;
        throw invalidParameter(
          `${name}: ${word === "" ? (colon ? "not allowed to be empty" : "not allowed to be unset") : word}`,
        );
      default:
        throw invalidParameter(`unsupported modifier (${modifier ?? ""}) in substitution`);
    }
  }

  /** The text up to the closing brace, expanded; braces inside are of variables. */
  #untilBrace(): string {
    let depth = 1;
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === "\\") this.#at++;
      else if (character === "$" && this.#text[this.#at + 1] === "{") depth++;
      else if (character === "}" && --depth === 0) {
        const inner = this.#text.slice(start, this.#at++);
        return new Expander(inner, this.#variables).word();
      }
    }
    throw invalidParameter("syntax error: missing '}'");
  }
}

function unterminated(what: string): Error {
  return invalidParameter(`unexpected end of statement while looking for matching ${what}`);
}
