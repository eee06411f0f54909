import { CommandError } from "../errors.ts";
import type { Output } from "../io/output.ts";
import { execute, parse, Struct, type Template, type TemplateFunction, toJson } from "../template/index.ts";
import { alignColumns } from "./columns.ts";

/** A kind of row: what its fields are called and how they are shown. */
export interface RowKind {
  /** Go's name of its type, in messages. */
  type: string;
  /** Field → column header. */
  headers: Readonly<Record<string, string>>;
}

export type RowFields = Readonly<Record<string, unknown>>;

/** Headers pass through Docker's functions unchanged. */
const HEADER_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = Object.fromEntries(
  Object.entries({ json: 1, split: 2, join: 2, title: 1, lower: 1, upper: 1, pad: 3, truncate: 2 }).map(
    ([name, count]) => [
      name,
      { arity: [count, count], call: ([value]: readonly unknown[]) => value } as const,
    ],
  ),
);

/**
 * Prints rows through `format`: a Go template, `table TEMPLATE`, or `json`.
 * Fields of a row that are functions are worked out only when the format names them.
 * @throws CommandError in Docker's words.
 */
export function renderRows(kind: RowKind, format: string, rows: readonly RowFields[]): string {
  const isTable = format.startsWith("table");
  const isJson = format === "json";
  if (isJson) return rows.map((row) => `${rowJson(row)}\n`).join("");
  const source = unescapeFormat(isTable ? format.slice(5) : format);
  const template = parseFormat(source.replace(/^ +| +$/g, ""));
  const lines = rows.map((row) => `${executeFormat(template, struct(kind, row))}\n`);
  if (!isTable) return lines.join("");
  const header = execute(template, headerStruct(kind), { functions: HEADER_FUNCTIONS });
  return alignColumns(`${header}\n${lines.join("")}`);
}

/** @throws CommandError `failed to parse template: …` */
export function parseFormat(source: string): Template {
  try {
    return parse(source);
  } catch (error) {
    throw new CommandError(`failed to parse template: ${(error as Error).message}`);
  }
}

function executeFormat(template: Template, row: Struct): string {
  try {
    return execute(template, row, { functions: ROW_FUNCTIONS });
  } catch (error) {
    throw new CommandError(`failed to execute template: ${(error as Error).message}`);
  }
}

const ROW_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: {
    arity: [1, 1],
    call: ([value]) => (value instanceof Struct ? rowJson(value.fields) : toJson(value)),
  },
};

/** A row as JSON: its fields by name; Go's encoder escapes `<`, `>` and `&` in these. */
export function rowJson(row: RowFields): string {
  const shown = new Map<string, unknown>();
  for (const [name, field] of Object.entries(row)) {
    if (typeof field !== "function") shown.set(name, field);
    else if (field.length === 0) shown.set(name, field());
  }
  return toJson(shown).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

function struct(kind: RowKind, row: RowFields): Struct {
  return new Struct(kind.type, row);
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

/** `\t` and `\n` may be written with a backslash. */
export function unescapeFormat(format: string): string {
  return format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

export async function printRows(
  output: Output,
  kind: RowKind,
  format: string,
  rows: readonly RowFields[],
): Promise<void> {
  await output.write(renderRows(kind, format, rows));
}
