import { plainScalar } from "../yaml/scalar.ts";
import { Num, Pairs, type Tree } from "./tree.ts";

/** YAML as Go's library writes it, with an indent of two. */
export function toYaml(tree: Tree): string {
  if (tree instanceof Pairs && tree.entries.length > 0) return mapping(tree, "");
  if (Array.isArray(tree) && tree.length > 0) return sequence(tree, "");
  return `${inline(tree, "")}\n`;
}

function mapping(tree: Pairs, margin: string): string {
  let made = "";
  for (const [key, value] of tree.entries)
    made += `${margin}${scalar(key, margin, true)}:${behind(value, margin)}`;
  return made;
}

/** What stands behind a key. */
function behind(value: Tree, margin: string): string {
  if (value instanceof Pairs && value.entries.length > 0) return `\n${mapping(value, `${margin}  `)}`;
  if (Array.isArray(value) && value.length > 0) return `\n${sequence(value, `${margin}  `)}`;
  return ` ${inline(value, margin)}\n`;
}

function sequence(items: readonly Tree[], margin: string): string {
  let made = "";
  const inner = `${margin}  `;
  for (const item of items) {
    if (item instanceof Pairs && item.entries.length > 0) {
      made += `${margin}- ${mapping(item, inner).slice(inner.length)}`;
    } else if (Array.isArray(item) && item.length > 0) {
      made += `${margin}- ${sequence(item, inner).slice(inner.length)}`;
    } else made += `${margin}- ${inline(item, margin)}\n`;
  }
  return made;
}

function inline(value: Tree, margin: string): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return scalar(value, margin, false);
  if (value instanceof Num) return value.text;
  return value instanceof Pairs ? "{}" : "[]";
}

const OLD_BOOLEAN = /^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;
/** `1:30` is a number to YAML 1.1. */
const SEXAGESIMAL = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const PRINTABLE = /^[\t\n\x20-\x7e\x85\xa0-\ud7ff\ud800-\udfff\ue000-\ufefe\uff00-\ufffd]*$/;

function scalar(text: string, margin: string, isKey: boolean): string {
  if (text.includes("\n") && !isKey && canBeLiteral(text)) return literal(text, margin);
  if (text === "") return '""';
  if (typeof plainScalar(text) !== "string" || OLD_BOOLEAN.test(text) || SEXAGESIMAL.test(text))
    return doubleQuoted(text);
  if (!PRINTABLE.test(text) || /[\n\t\x85\u2028\u2029]/.test(text)) return doubleQuoted(text);
  return isPlain(text) ? text : `'${text.replaceAll("'", "''")}'`;
}

function canBeLiteral(text: string): boolean {
  return (
    PRINTABLE.test(text) &&
    !/[ ]\n|[ ]$/.test(text) &&
    !/^[ \n]*$/.test(text) &&
    !/[\x85\u2028\u2029\t]/.test(text)
  );
}

function literal(text: string, margin: string): string {
  const inner = `${margin}  `;
  const hint = /^[ \n]/.test(text) ? "2" : "";
  const end = text.endsWith("\n\n") || text === "\n" ? "+" : text.endsWith("\n") ? "" : "-";
  const lines = text.replace(/\n$/, "").split("\n");
  return `|${hint}${end}\n${lines.map((line) => (line === "" ? "" : inner + line)).join("\n")}`;
}

function doubleQuoted(text: string): string {
  const known: Readonly<Record<string, string>> = {
    "\\": "\\\\",
    '"': '\\"',
    "\0": "\\0",
    "\x07": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
    "\ufeff": "\\uFEFF",
  };
  let made = '"';
  for (const c of text) {
    const code = c.codePointAt(0)!;
    if (known[c] !== undefined) made += known[c];
    else if (PRINTABLE.test(c)) made += c;
    else if (code < 0x100) made += `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`;
    else made += `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return `${made}"`;
}

/** Whether a text can stand without quotes. */
function isPlain(text: string): boolean {
  if (/^[\s]|\s$/.test(text)) return false;
  if (/^(---|\.\.\.)/.test(text)) return false;
  if (/^[#,[\]{}&*!|>'"%@`]/.test(text)) return false;
  if (/^[-?:]([\s]|$)/.test(text)) return false;
  return !/:(\s|$)/.test(text) && !/\s#/.test(text);
}
