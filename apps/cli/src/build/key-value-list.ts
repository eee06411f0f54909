import { parseCsvLine } from "../flags/csv.ts";

/** `type=local,dest=out` → pairs; a word alone is a key without a value. Keys are in small letters. */
export function keyValueList(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const field of parseCsvLine(text)) {
    const at = field.indexOf("=");
    found[(at < 0 ? field : field.slice(0, at)).trim().toLowerCase()] = at < 0 ? "" : field.slice(at + 1);
  }
  return found;
}
