import { invalidParameter } from "@berth/base";
import { parseGoDuration } from "@berth/spec";
import type { Filters } from "./filters.ts";

/**
 * The `until` filter: a moment (RFC 3339, a date, seconds since 1970) or a Go duration back from now (`24h`).
 * @returns milliseconds since 1970; undefined without the filter. @throws invalid-parameter.
 */
export function untilFilter(filters: Filters, now: number = Date.now()): number | undefined {
  const values = filters.get("until");
  const [text] = values;
  if (text === undefined) return undefined;
  if (values.length > 1) throw invalidParameter("more than one until filter specified");
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(date)) return date;
  try {
    return now - parseGoDuration(text) / 1e6;
  } catch {
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
}
