import { quote } from "../format/quote.ts";
import { TemplateError } from "./error.ts";

export type TokenKind =
  | "text"
  | "left" // {{
  | "right" // }}
  | "space"
  | "identifier"
  | "keyword"
  | "field" // .Name
  | "variable" // $name
  | "dot"
  | "nil"
  | "bool"
  | "number"
  | "character"
  | "string"
  | "raw-string"
  | "pipe"
  | "("
  | ")"
  | ":="
  | "="
  | ","
  | "other"
  | "end-of-template";

export interface Token {
  kind: TokenKind;
  text: string;
  /** Offset in the template. */
  at: number;
}

const KEYWORDS = new Set([
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "template",
  "with",
]);

/** Cuts a Go template into tokens. @throws TemplateError with Go's sentence. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf("{{", at);
    if (open < 0) {
      tokens.push({ kind: "text", text: source.slice(at), at });
      break;
    }
    let inside = open + 2;
    let text = source.slice(at, open);
    if (source[inside] === "-" && isSpace(source[inside + 1])) {
      text = text.trimEnd();
      inside += 1;
    }
    if (text !== "") tokens.push({ kind: "text", text, at });
    at = lexAction(source, open, inside, tokens);
  }
  tokens.push({ kind: "end-of-template", text: "", at: source.length });
  return tokens;
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\r" || character === "\n";
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function isAlphanumeric(character: string | undefined): boolean {
  if (character === undefined) return false;
  const code = character.charCodeAt(0);
  if (code < 128) {
    return ((code | 32) >= 97 && (code | 32) <= 122) || (code >= 48 && code <= 57) || character === "_";
  }
  return /[\p{L}\p{N}_]/u.test(character);
}

/** Where the text after an action begins: `-}}` takes the white space that follows with it. */
function afterAction(source: string, end: number, trim: boolean): number {
  if (!trim) return end;
  while (isSpace(source[end])) end++;
  return end;
}

/** @returns the offset of the text that follows. */
function lexAction(source: string, open: number, start: number, tokens: Token[]): number {
  const fail = (message: string, at: number) => new TemplateError(message, source, at);
  let at = start;
  const commentAt = isSpace(source[at]) && source[start - 1] === "-" ? at + 1 : at;
  if (source.startsWith("/*", commentAt)) {
    const end = source.indexOf("*/", commentAt + 2);
    if (end < 0) throw fail("unclosed comment", open);
    at = end + 2;
    const trim = isSpace(source[at]) && source[at + 1] === "-";
    if (trim) at += 2;
    if (!source.startsWith("}}", at)) throw fail("comment ends before closing delimiter", open);
    return afterAction(source, at + 2, trim);
  }
  tokens.push({ kind: "left", text: "{{", at: open });
  let depth = 0;
  const push = (kind: TokenKind, end: number) => {
    tokens.push({ kind, text: source.slice(at, end), at });
    at = end;
  };
  for (;;) {
    const character = source[at];
    const trim = isSpace(character) && source.startsWith("-}}", at + 1);
    if (trim || source.startsWith("}}", at)) {
      if (depth > 0) throw fail("unclosed left paren", at);
      const end = at + (trim ? 4 : 2);
      push("right", end);
      return afterAction(source, end, trim);
    }
    if (character === undefined) throw fail("unclosed action", open);
    if (isSpace(character)) {
      let end = at;
      // A space before `-}}` belongs to the trim marker.
      while (isSpace(source[end]) && !(end > at && source.startsWith("-}}", end + 1))) end++;
      push("space", end);
    } else if (character === "=") push("=", at + 1);
    else if (character === ":") {
      if (source[at + 1] !== "=") throw fail("expected :=", at);
      push(":=", at + 2);
    } else if (character === "|") push("pipe", at + 1);
    else if (character === ",") push(",", at + 1);
    else if (character === "(") {
      depth++;
      push("(", at + 1);
    } else if (character === ")") {
      depth--;
      if (depth < 0) throw fail("unexpected right paren", at);
      push(")", at + 1);
    } else if (character === '"') push("string", endOfQuoted(source, at, '"', fail));
    else if (character === "'") push("character", endOfQuoted(source, at, "'", fail));
    else if (character === "`") {
      const end = source.indexOf("`", at + 1);
      if (end < 0) throw fail("unterminated raw quoted string", at);
      push("raw-string", end + 1);
    } else if (character === "$") push("variable", endOfWord(source, at + 1));
    else if (character === "." && !isDigit(source[at + 1])) {
      const end = endOfWord(source, at + 1);
      push(end === at + 1 ? "dot" : "field", end);
    } else if (isDigit(character) || character === "+" || character === "-" || character === ".") {
      const found =
        /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]+)?)i?/.exec(
          source.slice(at, at + 100),
        );
      const end = at + (found?.[0].length ?? 0);
      if (end === at || isAlphanumeric(source[end]) || !/[0-9]/.test(found?.[0] ?? "")) {
        throw fail(`bad number syntax: ${quote(source.slice(at, Math.max(end, at) + 1))}`, at);
      }
      push("number", end);
    } else if (isAlphanumeric(character)) {
      const end = endOfWord(source, at);
      const word = source.slice(at, end);
      if (KEYWORDS.has(word)) push("keyword", end);
      else if (word === "true" || word === "false") push("bool", end);
      else if (word === "nil") push("nil", end);
      else push("identifier", end);
    } else if (/[!-~]/.test(character)) push("other", at + 1);
    else {
      const code = source.codePointAt(at)!;
      const shown = `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
      throw fail(`unrecognized character in action: ${shown}`, at);
    }
  }
}

function endOfWord(source: string, at: number): number {
  while (isAlphanumeric(source[at])) at++;
  return at;
}

function endOfQuoted(
  source: string,
  start: number,
  mark: string,
  fail: (message: string, at: number) => TemplateError,
): number {
  for (let at = start + 1; at < source.length && source[at] !== "\n"; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === mark) return at + 1;
  }
  throw fail(mark === '"' ? "unterminated quoted string" : "unterminated character constant", start);
}
