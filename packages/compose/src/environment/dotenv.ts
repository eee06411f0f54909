import { invalidParameter, messageOf } from "@berth/base";
import { type Lookup, substitute } from "../interpolate/template.ts";

const NAME = /^(?:export[ \t]+)?([^\s=:#'"]+(?:[^\S\n]+[^\s=:#'"]+)*?)[ \t]*(?:[=:]|$)/;
const MOST_BYTES = 8 << 20;

/**
 * Reads a `.env` file: `NAME=value`, `NAME: value`, `export NAME=value`, comments, quotes, values over many lines in quotes;
 * variables in unquoted and double-quoted values are replaced.
 * @param outer what variables are looked up in beside those of the file.
 * @returns values; a name without value has outer's, or is absent.
 * @throws BerthError
 */
export function parseDotenv(source: string, outer: Lookup): Record<string, string> {
  if (source.length > MOST_BYTES) throw invalidParameter("environment file is too large");
  const made: Record<string, string> = {};
  const lookup: Lookup = (name) => outer(name) ?? (Object.hasOwn(made, name) ? made[name] : undefined);
  const text = source.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const raw = text.slice(at, end);
    const trimmed = raw.trimStart();
    if (trimmed === "" || trimmed[0] === "#") {
      at = end + 1;
      line++;
      continue;
    }
    const found = NAME.exec(trimmed);
    const name = found?.[1];
    if (found === null || name === undefined) {
      const character = /[^A-Za-z0-9_.\-[\]]/.exec(trimmed)?.[0] ?? trimmed[0]!;
      throw invalidParameter(
        `line ${line}: unexpected character ${JSON.stringify(character)} in variable name near ${JSON.stringify(`${text.slice(at, at + 200)}`)}`,
      );
    }
    if (/\s/.test(name)) throw invalidParameter(`line ${line}: key cannot contain a space`);
    const separator = /[=:]$/.test(found[0]);
    if (!separator) {
      const value = outer(name);
      if (value !== undefined) made[name] = value;
      at = end + 1;
      line++;
      continue;
    }
    let start = at + (raw.length - trimmed.length) + found[0].length;
    while (text[start] === " " || text[start] === "\t") start++;
    const quote = text[start];
    if (quote === "'" || quote === '"') {
      let stop = start + 1;
      while (stop < text.length && text[stop] !== quote) stop += text[stop] === "\\" ? 2 : 1;
      if (stop >= text.length) {
        throw invalidParameter(`line ${line}: unterminated quoted value ${text.slice(start, end)}`);
      }
      const inner = text.slice(start + 1, stop);
      made[name] =
        quote === '"' ? replace(withoutEscapes(inner), lookup, line) : inner.replaceAll("\\'", "'");
      const after = text.indexOf("\n", stop);
      line += text.slice(at, stop).split("\n").length;
      at = after < 0 ? text.length : after + 1;
      continue;
    }
    const comment = /(^|[ \t])#/.exec(text.slice(start, end));
    const value = (
      comment === null ? text.slice(start, end) : text.slice(start, start + comment.index)
    ).trim();
    made[name] = replace(value, lookup, line);
    at = end + 1;
    line++;
  }
  return made;
}

/** `format: raw`: everything behind `=` as it stands. */
export function parseRawEnvironment(source: string): Record<string, string> {
  const made: Record<string, string> = {};
  for (const raw of source.replaceAll("\r\n", "\n").split("\n")) {
    const line = raw.trimStart();
    const at = line.indexOf("=");
    if (line === "" || line[0] === "#" || at <= 0) continue;
    made[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return made;
}

function withoutEscapes(text: string): string {
  // `\$` stays for the replacement of variables, as `$$`.
  return text.replace(/\\([\s\S])/g, (whole, next: string) => {
    const known: Readonly<Record<string, string>> = {
      n: "\n",
      r: "\r",
      t: "\t",
      a: "\x07",
      b: "\b",
      f: "\f",
      v: "\v",
      '"': '"',
      "\\": "\\",
      $: "$$",
    };
    return known[next] ?? whole;
  });
}

function replace(text: string, lookup: Lookup, line: number): string {
  try {
    return substitute(text, { lookup });
  } catch (error) {
    throw invalidParameter(`line ${line}: ${messageOf(error)}`);
  }
}
