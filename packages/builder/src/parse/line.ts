import { DockerfileError } from "./error.ts";
import type { Statement } from "./statement.ts";
import { isSpace, SPACES, splitOnce, splitWords, takeFlags } from "./words.ts";

/** ONBUILD inside ONBUILD is refused later; what is written has to be read nevertheless. */
const MAX_TRIGGER_DEPTH = 8;

type Arguments = Pick<Statement, "args"> & Partial<Pick<Statement, "json" | "legacy" | "trigger">>;
type Form = (rest: string, escapeToken: string, depth: number) => Arguments;

const FORMS: Readonly<Record<string, Form>> = {
  add: jsonOrWords,
  arg: (rest, escapeToken) => ({ args: splitWords(rest, escapeToken) }),
  cmd: jsonOrText,
  copy: jsonOrWords,
  entrypoint: jsonOrText,
  env: (rest, escapeToken) => pairs(rest, "ENV", escapeToken),
  expose: words,
  from: words,
  healthcheck,
  label: (rest, escapeToken) => pairs(rest, "LABEL", escapeToken),
  maintainer: oneText,
  onbuild: (rest, escapeToken, depth) =>
    rest === "" ? { args: [] } : { args: [], trigger: readStatement(rest, escapeToken, depth + 1) },
  run: jsonOrText,
  shell: jsonOrText,
  stopsignal: oneText,
  user: oneText,
  volume: jsonOrWords,
  workdir: oneText,
};

/** Keywords of the language, lower case. */
export const KEYWORDS: readonly string[] = Object.keys(FORMS);

/**
 * Takes one logical line apart. Unknown keywords pass: whoever gives instructions a meaning names them.
 * @throws DockerfileError.
 */
export function readStatement(line: string, escapeToken: string, depth = 0): Statement {
  if (depth > MAX_TRIGGER_DEPTH)
    throw new DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  const [keyword, after] = splitOnce(line.trim());
  const { flags, rest } = after === undefined ? { flags: [], rest: "" } : takeFlags(after);
  const form = FORMS[keyword.toLowerCase()];
  const found: Arguments = form === undefined ? { args: [] } : form(rest.trim(), escapeToken, depth);
  return {
    keyword,
    flags,
    args: found.args,
    json: found.json ?? false,
    legacy: found.legacy ?? false,
    heredocs: [],
    original: line,
    ...(found.trigger !== undefined && { trigger: found.trigger }),
    range: { start: 0, end: 0 },
    comments: [],
  };
}

function oneText(rest: string): Arguments {
  return { args: rest === "" ? [] : [rest] };
}

function words(rest: string): Arguments {
  return { args: rest === "" ? [] : rest.split(SPACES) };
}

/**
 * The strings of a JSON array; undefined when it is none. What follows the array (`["a"] # why`) is ignored, as Docker
 * does. @throws DockerfileError when it holds anything else.
 */
function jsonStrings(rest: string): string[] | undefined {
  const array = firstArray(rest.trimStart());
  if (array === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(array);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((each) => typeof each === "string")) {
    throw new DockerfileError("when using JSON array syntax, arrays must be comprised of strings only");
  }
  return value;
}

/** The text up to the bracket that closes the first one. */
function firstArray(text: string): string | undefined {
  if (!text.startsWith("[")) return undefined;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "[" || character === "{") depth++;
    else if ((character === "]" || character === "}") && --depth === 0) return text.slice(0, at + 1);
  }
  return undefined;
}

function jsonOrText(rest: string): Arguments {
  const strings = rest === "" ? undefined : jsonStrings(rest);
  return strings === undefined ? oneText(rest) : { args: strings, json: true };
}

function jsonOrWords(rest: string): Arguments {
  const strings = jsonStrings(rest);
  return strings === undefined ? words(rest) : { args: strings, json: true };
}

/** `name=value …`, or the old `name value`. */
function pairs(rest: string, keyword: string, escapeToken: string): Arguments {
  const list = splitWords(rest, escapeToken);
  const first = list[0];
  if (first === undefined) return { args: [] };
  if (!first.includes("=")) {
    const [name, value] = splitOnce(rest);
    if (value === undefined) throw new DockerfileError(`${keyword} must have two arguments`);
    return { args: [name, value], legacy: true };
  }
  const args: string[] = [];
  for (const word of list) {
    const equals = word.indexOf("=");
    if (equals < 0) {
      throw new DockerfileError(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    args.push(word.slice(0, equals), word.slice(equals + 1));
  }
  return { args };
}

/** The kind (`CMD`, `NONE`), then the command. */
function healthcheck(rest: string): Arguments {
  let end = 0;
  while (end < rest.length && !isSpace(rest[end]!)) end++;
  if (end === 0) return { args: [] };
  const command = jsonOrText(rest.slice(end).trimStart());
  return { args: [rest.slice(0, end), ...command.args], json: command.json ?? false };
}
