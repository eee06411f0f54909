import type { Filters } from "@berth/api";
import { invalidParameter } from "@berth/base";

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * The `until` filter of prune: a time stamp (RFC 3339, Unix seconds) or a Go duration back from now (`24h`, `1h30m`).
 * @returns milliseconds since 1970; undefined without the filter. @throws invalid-parameter.
 */
export function parseUntil(filters: Filters, now = Date.now()): number | undefined {
  const values = filters.get("until");
  const [text] = values;
  if (text === undefined) return undefined;
  if (values.length > 1) throw invalidParameter("more than one until filter specified");
  const duration = parseDuration(text);
  if (duration !== undefined) return now - duration;
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed))
    throw invalidParameter(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return parsed;
}

/** Milliseconds of a Go duration; undefined when the text is none. */
function parseDuration(text: string): number | undefined {
  if (!/^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return total;
}
