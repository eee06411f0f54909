import { CommandError } from "../errors.ts";
import { execute, parse, Struct, type Template, type TemplateFunction, toJson } from "../template/index.ts";
import type { RowFields, RowKind } from "./rows.ts";

/** Runs a template for every row, and for the headers of a table. @throws CommandError in Docker's words. */
export function renderTemplate(
  kind: RowKind,
  source: string,
  rows: readonly RowFields[],
  isTable: boolean,
): string {
  const { parse: badSyntax, execute: failed } = kind.complaints ?? COMPLAINTS;
  const template = parseFormat(source, badSyntax);
  const lines = rows.map(
    (row) => `${executeFormat(template, new Struct(kind.type, row), ROW_FUNCTIONS, failed)}\n`,
  );
  if (!isTable) return lines.join("");
  return [`${execute(template, headerStruct(kind), { functions: HEADER_FUNCTIONS })}\n`, ...lines].join("");
}

/** Runs a whole format (with its `table `, which counts in messages) on a row. @throws CommandError in Docker's words. */
export function checkTemplate(kind: RowKind, source: string, row: RowFields): void {
  const { parse: badSyntax, execute: failed } = kind.complaints ?? COMPLAINTS;
  executeFormat(parseFormat(source, badSyntax), new Struct(kind.type, row), ROW_FUNCTIONS, failed);
}

const COMPLAINTS = { parse: "template parsing error", execute: "template parsing error" };

/** @throws CommandError that begins with `complaint`. */
export function parseFormat(source: string, complaint = COMPLAINTS.parse): Template {
  try {
    return parse(source);
  } catch (error) {
    throw new CommandError(`${complaint}: ${(error as Error).message}`);
  }
}

/** @throws CommandError that begins with `complaint`. */
export function executeFormat(
  template: Template,
  data: unknown,
  functions: Readonly<Record<string, TemplateFunction>> = {},
  complaint = COMPLAINTS.execute,
): string {
  try {
    return execute(template, data, { functions });
  } catch (error) {
    throw new CommandError(`${complaint}: ${(error as Error).message}`);
  }
}

/** Headers pass through Docker's functions unchanged. */
const HEADER_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = Object.fromEntries(
  Object.entries({ json: 1, split: 2, join: 2, title: 1, lower: 1, upper: 1, pad: 3, truncate: 2 }).map(
    ([name, count]) =>
      [name, { arity: [count, count], call: ([value]: readonly unknown[]) => value } as const] as const,
  ),
);

/** `json` of a row, or of rows, is Docker's: fields by name, and `<`, `>`, `&` escaped. */
export const ROW_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: {
    arity: [1, 1],
    call: ([value]) => jsonOf(value),
  },
};

/** A row as JSON: its fields by name; Go's encoder escapes `<`, `>` and `&` in these. */
function rowJson(row: RowFields): string {
  const shown = new Map<string, unknown>();
  for (const [name, field] of Object.entries(row)) {
    if (typeof field !== "function") shown.set(name, field);
    else if (field.length === 0) shown.set(name, field());
  }
  return toJson(shown).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

function jsonOf(value: unknown): string {
  if (!(value instanceof Struct)) return toJson(value);
  const holdsRows = Object.values(value.fields).some((field) => Array.isArray(field));
  if (!holdsRows) return rowJson(value.fields);
  const fields = Object.entries(value.fields).map(([name, field]) => {
    const shown = Array.isArray(field) ? `[${field.map(jsonOf).join(",")}]` : jsonOf(field);
    return `${toJson(name)}:${shown}`;
  });
  return `{${fields.join(",")}}`;
}

function headerStruct(kind: RowKind): Struct {
  // A label's column is called by the label's last word.
  const Label = (name: string) => name.slice(name.lastIndexOf(".") + 1).replace(/[-_]/g, " ");
  return new HeaderStruct("formatter.SubHeaderContext", { ...kind.headers, Label });
}

/** A field without header shows as Go shows a missing entry of a map. */
class HeaderStruct extends Struct {
  override has(): boolean {
    return true;
  }
}
