import { Cursor } from "./cursor.ts";
import {
  type Expression,
  HclError,
  isList,
  isObject,
  objectOf,
  type Scope,
  textOf,
  truthOf,
  type Value,
  within,
} from "./value.ts";

type Part =
  | { kind: "text"; text: string }
  | { kind: "value"; value: Expression; trimsBefore: boolean; trimsAfter: boolean }
  | { kind: "directive"; words: Directive; trimsBefore: boolean; trimsAfter: boolean };

type Directive =
  | { word: "if"; condition: Expression }
  | { word: "for"; names: string[]; over: Expression }
  | { word: "else" | "endif" | "endfor" };

/** Escapes of quoted templates; heredocs have none. */
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** A quoted template, whose first quote was taken. */
export function readQuoted(cursor: Cursor): Expression {
  const parts = readParts(cursor, '"');
  return templateOf(parts, cursor);
}

/** A whole text as a template: strings of the JSON form. */
export function readWhole(cursor: Cursor): Expression {
  return templateOf(readParts(cursor, undefined), cursor);
}

/** `<<END` or `<<-END` with the lines up to END; the cursor stands at `<<`. */
export function readHeredoc(cursor: Cursor): Expression {
  const begin = /<<(-?)([\p{ID_Start}_][\p{ID_Continue}-]*)[ \t\r]*\n/uy;
  begin.lastIndex = cursor.at;
  const found = begin.exec(cursor.text);
  if (found === null) cursor.fail("Invalid heredoc");
  const [all, flush, marker = ""] = found as RegExpExecArray;
  const from = cursor.at + all.length;
  const lines: string[] = [];
  for (let at = from; ; ) {
    if (at >= cursor.text.length) cursor.fail("Unterminated heredoc");
    const end = cursor.text.indexOf("\n", at);
    const line = cursor.text.slice(at, end < 0 ? undefined : end);
    if (line.trim() === marker) {
      cursor.at = end < 0 ? cursor.text.length : end;
      break;
    }
    lines.push(line.replace(/\r$/, ""));
    at = end < 0 ? cursor.text.length : end + 1;
  }
  let text = lines;
  if (flush === "-") {
    const indents = lines
      .filter((line) => line.trim() !== "")
      .map((line) => /^[ \t]*/.exec(line)?.[0].length ?? 0);
    const least = Math.min(...indents, Number.MAX_SAFE_INTEGER);
    text = lines.map((line) => line.slice(Math.min(least, /^[ \t]*/.exec(line)?.[0].length ?? 0)));
  }
  const inner = new Cursor(text.map((line) => `${line}\n`).join(""), cursor.reader);
  return templateOf(readParts(inner, undefined, false), inner);
}

function readParts(cursor: Cursor, end: string | undefined, escapes = end !== undefined): Part[] {
  const parts: Part[] = [];
  let text = "";
  const flush = () => {
    if (text !== "") parts.push({ kind: "text", text });
    text = "";
  };
  for (;;) {
    if (cursor.ended) {
      if (end !== undefined) cursor.fail("Unterminated template string");
      flush();
      return parts;
    }
    const here = cursor.text[cursor.at] as string;
    if (here === end) {
      cursor.at++;
      flush();
      return parts;
    }
    if (end !== undefined && here === "\n") cursor.fail("Invalid multi-line string");
    const two = cursor.text.slice(cursor.at, cursor.at + 3);
    if (two === "$${" || two === "%%{") {
      text += two.slice(1);
      cursor.at += 3;
    } else if (two.startsWith("${") || two.startsWith("%{")) {
      flush();
      parts.push(readSequence(cursor, here === "%"));
    } else if (escapes && here === "\\") text += readEscape(cursor);
    else {
      text += here;
      cursor.at++;
    }
  }
}

function readEscape(cursor: Cursor): string {
  const letter = cursor.text[cursor.at + 1] ?? "";
  const code = /^(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/.exec(cursor.text.slice(cursor.at + 1, cursor.at + 10));
  if (code !== null) {
    const point = Number.parseInt(code[0].slice(1), 16);
    if (point > 0x10ffff) cursor.fail("Invalid escape sequence");
    cursor.at += 1 + code[0].length;
    return String.fromCodePoint(point);
  }
  const meant = ESCAPES[letter];
  if (meant === undefined) cursor.fail(`Invalid escape sequence: \\${letter}`);
  cursor.at += 2;
  return meant as string;
}

function readSequence(cursor: Cursor, isDirective: boolean): Part {
  cursor.at += 2;
  cursor.inBrackets++;
  const trimsBefore = cursor.take("~");
  const part = isDirective
    ? { kind: "directive" as const, words: readDirective(cursor) }
    : { kind: "value" as const, value: cursor.read() };
  const trimsAfter = cursor.take("~");
  cursor.expect("}", "Extra characters after interpolation expression");
  cursor.inBrackets--;
  return { ...part, trimsBefore, trimsAfter };
}

function readDirective(cursor: Cursor): Directive {
  const word = cursor.identifier();
  switch (word) {
    case "if":
      return { word, condition: cursor.read() };
    case "for": {
      const names = [cursor.identifier() ?? cursor.fail("a name is expected")];
      if (cursor.take(",")) names.push(cursor.identifier() ?? cursor.fail("a name is expected"));
      if (!cursor.takeWord("in")) cursor.fail("for needs 'in'");
      return { word, names, over: cursor.read() };
    }
    case "else":
    case "endif":
    case "endfor":
      return { word };
    default:
      return cursor.fail(`Invalid template directive ${word ?? ""}`);
  }
}

function templateOf(parts: Part[], cursor: Cursor): Expression {
  const [only] = parts;
  // A lone expression keeps its type.
  if (parts.length === 1 && only?.kind === "value") return only.value;
  for (const [at, part] of parts.entries()) {
    if (part.kind === "text") continue;
    const before = parts[at - 1];
    const after = parts[at + 1];
    if (part.trimsBefore && before?.kind === "text") before.text = before.text.replace(/\s+$/, "");
    if (part.trimsAfter && after?.kind === "text") after.text = after.text.replace(/^\s+/, "");
  }
  const rest = [...parts];
  const { expression } = sequence(rest, [], cursor);
  return expression;
}

/** Parts up to a directive that ends them. */
function sequence(
  parts: Part[],
  until: string[],
  cursor: Cursor,
): { expression: Expression; ended: string | undefined } {
  const made: Expression[] = [];
  const result = (scope: Scope) => made.map((each) => textOf(each(scope))).join("");
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (part.kind === "text") {
      const { text } = part;
      made.push(() => text);
    } else if (part.kind === "value") made.push(part.value);
    else {
      const { words } = part;
      if (until.includes(words.word)) return { expression: result, ended: words.word };
      if (words.word === "if") made.push(conditional(words.condition, parts, cursor));
      else if (words.word === "for") {
        const { expression } = sequence(parts, ["endfor"], cursor);
        made.push((scope) =>
          iterate(words.over(scope), words.names, scope)
            .map((inner) => textOf(expression(inner)))
            .join(""),
        );
      } else cursor.fail(`Unexpected ${words.word} directive`);
    }
  }
  if (until.length > 0) cursor.fail(`Missing ${until.at(-1)} directive`);
  return { expression: result, ended: undefined };
}

function conditional(condition: Expression, parts: Part[], cursor: Cursor): Expression {
  const yes = sequence(parts, ["else", "endif"], cursor);
  const no = yes.ended === "else" ? sequence(parts, ["endif"], cursor).expression : () => "";
  return (scope) => (truthOf(condition(scope)) ? yes.expression(scope) : no(scope));
}

/** A scope for each element, in which the names mean key and value, or value alone. */
export function iterate(over: Value, names: readonly string[], scope: Scope): Scope[] {
  const entries: [Value, Value][] = isList(over)
    ? over.map((value, at) => [at, value])
    : isObject(over)
      ? Object.keys(over)
          .sort()
          .map((name) => [name, over[name] as Value])
      : (() => {
          throw new HclError("Iteration over non-iterable value");
        })();
  return entries.map(([key, value]) => {
    const bound = objectOf(
      names.length > 1
        ? [
            [names[0] as string, key],
            [names[1] as string, value],
          ]
        : [[names[0] as string, value]],
    );
    return within(scope, (name) => (name in bound ? bound[name] : scope.lookup(name)));
  });
}
