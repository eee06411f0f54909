import type { VariableUse } from "@berth/compose";
import type { Context } from "../context.ts";
import { loadOptions } from "./project.ts";

/** The variables of a project's files, as `config --variables` shows them. */
export async function variableTable(context: Context, format: string): Promise<string> {
  const { projectVariables } = await import("@berth/compose");
  const uses = new Map<string, VariableUse>();
  for (const use of await projectVariables(loadOptions(context))) {
    if (!uses.has(use.name)) uses.set(use.name, use);
  }
  const sorted = [...uses.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (format === "json") {
    const rows = sorted.map(({ name, required, defaultValue, presenceValue }) => [
      name,
      { name, defaultValue, presenceValue, required },
    ]);
    return `${JSON.stringify(Object.fromEntries(rows))}\n`;
  }
  const rows = [
    ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"],
    ...sorted.map((use) => [use.name, String(use.required), use.defaultValue, use.presenceValue]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(20, ...rows.map((row) => row[column]!.length + 3)));
  return `${rows.map((row) => row.map((cell, at) => (at < 3 ? cell.padEnd(widths[at]!) : cell)).join("")).join("\n")}\n`;
}
