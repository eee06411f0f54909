import { Num, Pairs, type Tree } from "./tree.ts";

/** JSON as Go writes it. `indent` "": on one line. */
export function toJson(tree: Tree, indent = "", margin = ""): string {
  if (tree === null || typeof tree === "boolean") return String(tree);
  if (typeof tree === "string") return jsonText(tree);
  if (tree instanceof Num) return tree.text;
  const inner = margin + indent;
  const newline = indent === "" ? "" : `\n${inner}`;
  if (tree instanceof Pairs) {
    if (tree.entries.length === 0) return "{}";
    const space = indent === "" ? ":" : ": ";
    const parts = tree.entries.map(
      ([key, value]) => `${newline}${jsonText(key)}${space}${toJson(value, indent, inner)}`,
    );
    return `{${parts.join(",")}${indent === "" ? "" : `\n${margin}`}}`;
  }
  if (tree.length === 0) return "[]";
  const parts = tree.map((value) => `${newline}${toJson(value, indent, inner)}`);
  return `[${parts.join(",")}${indent === "" ? "" : `\n${margin}`}]`;
}

const ESCAPED = /[<>&\u2028\u2029\b\f\x7f]/g;

function jsonText(text: string): string {
  return JSON.stringify(text)
    .replace(/\\b/g, (whole, at: number, all: string) => (isEscape(all, at) ? "\\u0008" : whole))
    .replace(/\\f/g, (whole, at: number, all: string) => (isEscape(all, at) ? "\\u000c" : whole))
    .replace(ESCAPED, (c) => (c === "\x7f" ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

/** Whether the backslash at `at` begins an escape, and is none itself. */
function isEscape(text: string, at: number): boolean {
  let before = 0;
  while (text[at - 1 - before] === "\\") before++;
  return before % 2 === 0;
}
