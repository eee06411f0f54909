import { invalidParameter } from "@berth/base";

/** How variables are looked up; undefined: not set. */
export type Lookup = (name: string) => string | undefined;

/** What a variable is used with; for `config --variables`. */
export interface VariableUse {
  name: string;
  required: boolean;
  defaultValue: string;
  presenceValue: string;
}

/** The text is no valid template. */
export class InvalidTemplate extends Error {}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;

export interface Replacement {
  lookup: Lookup;
  /** A variable without value and without default. */
  missing?: (name: string) => void;
  /** Told of each variable; none is required then. */
  found?: (use: VariableUse) => void;
}

/**
 * Replaces `$v`, `${v}`, `${v:-default}`, `${v-default}`, `${v:?message}`, `${v?message}`, `${v:+other}`, `${v+other}`, nested;
 * `$$` is `$`. A `$` before anything else stays.
 * @throws InvalidTemplate, BerthError when a required variable has no value
 */
export function substitute(template: string, replacement: Replacement, depth = 0): string {
  let at = template.indexOf("$");
  if (at < 0) return template;
  if (depth > 50) throw new InvalidTemplate(template);
  let made = "";
  let from = 0;
  while (at >= 0) {
    made += template.slice(from, at);
    const next = template[at + 1];
    from = at + 1;
    if (next === "$") {
      made += "$";
      from = at + 2;
    } else if (next === "{") {
      const end = closing(template, at + 2);
      if (end < 0) throw new InvalidTemplate(template);
      made += braced(template.slice(at + 2, end), template, replacement, depth);
      from = end + 1;
    } else {
      NAME.lastIndex = at + 1;
      const name = NAME.exec(template)?.[0];
      if (name === undefined) made += "$";
      else {
        from = at + 1 + name.length;
        made += plain(name, replacement);
      }
    }
    at = template.indexOf("$", from);
  }
  return made + template.slice(from);
}

/** The brace that closes; inner braces of variables and of text are skipped. */
function closing(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "{") open++;
    else if (text[at] === "}" && --open === 0) return at;
  }
  return -1;
}

function plain(name: string, { lookup, missing, found }: Replacement): string {
  found?.({ name, required: false, defaultValue: "", presenceValue: "" });
  const value = lookup(name);
  if (value === undefined) missing?.(name);
  return value ?? "";
}

function braced(inner: string, whole: string, replacement: Replacement, depth: number): string {
  NAME.lastIndex = 0;
  const name = NAME.exec(inner)?.[0];
  if (name === undefined) throw new InvalidTemplate(whole);
  const rest = inner.slice(name.length);
  if (rest === "") return plain(name, replacement);
  const colon = rest[0] === ":" ? 1 : 0;
  const operator = rest[colon];
  const word = rest.slice(colon + 1);
  const value = replacement.lookup(name);
  const isSet = value !== undefined && (colon === 0 || value !== "");
  const use = (more: Partial<VariableUse>) =>
    replacement.found?.({ name, required: false, defaultValue: "", presenceValue: "", ...more });
  switch (operator) {
    case "-":
      use({ defaultValue: word });
      return isSet ? value : substitute(word, replacement, depth + 1);
    case "+":
      use({ presenceValue: word });
      return isSet ? substitute(word, replacement, depth + 1) : "";
    case "?": {
      use({ required: true });
      if (isSet) return value;
      if (replacement.found !== undefined) return "";
      const message = substitute(word, replacement, depth + 1);
      throw invalidParameter(
        `required variable ${name} is missing a value${message === "" ? "" : `: ${message}`}`,
      );
    }
    default:
      throw new InvalidTemplate(whole);
  }
}
