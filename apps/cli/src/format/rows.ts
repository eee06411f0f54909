import type { Output } from "../io/output.ts";
import { alignColumns } from "./columns.ts";

/** A kind of row: what its fields are called and how they are shown. */
export interface RowKind {
  /** Go's name of its type, in messages. */
  type: string;
  /** Field → column header. */
  headers: Readonly<Record<string, string>>;
  /** What complaints about a template begin with, where it is not as everywhere. */
  complaints?: { parse: string; execute: string };
}

/** A row's fields. Those that are functions are worked out only when the format names them. */
export type RowFields = Readonly<Record<string, unknown>>;

/**
 * Prints rows through `format`: a Go template, `table TEMPLATE`, or `json`.
 * @throws CommandError in Docker's words.
 */
export async function printRows(
  output: Output,
  kind: RowKind,
  format: string,
  rows: readonly RowFields[],
): Promise<void> {
  await output.write(await renderRows(kind, format, rows));
}

export async function renderRows(kind: RowKind, format: string, rows: readonly RowFields[]): Promise<string> {
  const isTable = format.startsWith("table");
  const source = trimSpaces(unescapeFormat(isTable ? format.slice(5) : format));
  const parts = format === "json" ? undefined : plainParts(source);
  const plain = parts === undefined ? undefined : renderPlain(parts, kind, rows, isTable);
  if (plain !== undefined) return isTable ? alignColumns(plain) : plain;
  const { renderTemplate } = await import("./row-template.ts");
  const text = renderTemplate(kind, format === "json" ? "{{json .}}" : source, rows, isTable);
  return isTable ? alignColumns(text) : text;
}

/** `\t` and `\n` may be written with a backslash. */
export function unescapeFormat(format: string): string {
  return format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function trimSpaces(text: string): string {
  let from = 0;
  let to = text.length;
  while (text[from] === " ") from++;
  while (to > from && text[to - 1] === " ") to--;
  return text.slice(from, to);
}

/** Text and names of fields in turn. */
type Parts = { fields: string[]; texts: string[] };

/**
 * Takes apart a format that only names fields (`{{.ID}}\t{{.Names}}`), which nearly all do: it needs no template engine,
 * whose first use takes 1.4 ms. @returns undefined for any other.
 */
function plainParts(source: string): Parts | undefined {
  const pieces = source.split("{{");
  const parts: Parts = { fields: [], texts: [pieces[0]!] };
  for (let at = 1; at < pieces.length; at++) {
    const piece = pieces[at]!;
    const end = piece.indexOf("}}");
    const name = piece.slice(1, Math.max(1, end));
    if (piece[0] !== "." || !isName(name)) return undefined;
    parts.fields.push(name);
    parts.texts.push(piece.slice(end + 2));
  }
  return parts;
}

function isName(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at) | 32;
    if (!(code >= 97 && code <= 122) && !(at > 0 && text[at]! >= "0" && text[at]! <= "9")) return false;
  }
  return text !== "";
}

function renderPlain(
  { fields, texts }: Parts,
  kind: RowKind,
  rows: readonly RowFields[],
  isTable: boolean,
): string | undefined {
  let out = "";
  if (isTable) {
    if (fields.some((name) => !Object.hasOwn(kind.headers, name))) return undefined;
    out = `${texts[0]}${fields.map((name, at) => kind.headers[name] + texts[at + 1]!).join("")}\n`;
  }
  for (const row of rows) {
    out += texts[0];
    for (let at = 0; at < fields.length; at++) {
      const name = fields[at]!;
      if (!Object.hasOwn(row, name)) return undefined;
      const field = row[name];
      const value: unknown = typeof field !== "function" ? field : field.length === 0 ? field() : undefined;
      if (typeof value !== "string") return undefined;
      out += value + texts[at + 1]!;
    }
    out += "\n";
  }
  return out;
}
