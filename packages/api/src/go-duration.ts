import { invalidParameter } from "@berth/base";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds of a Go duration (`1m30s`). @throws invalid-parameter with Go's sentence. */
export function parseGoDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  const rest = text.slice(sign.length);
  if (rest === "0") return 0;
  if (!/^[\d.]/.test(rest)) throw invalidParameter(`time: invalid duration ${quoted}`);
  let total = 0;
  const part = /(\d*)(\.\d*)?([^\d.]*)/y;
  for (part.lastIndex = 0; part.lastIndex < rest.length; ) {
    const [whole, digits, fraction, unit] = part.exec(rest) as unknown as [string, string, string?, string?];
    if (whole === "" || (digits === "" && (fraction ?? ".") === ".")) {
      throw invalidParameter(`time: invalid duration ${quoted}`);
    }
    if (unit === undefined || unit === "") throw invalidParameter(`time: missing unit in duration ${quoted}`);
    const factor = UNITS[unit];
    if (factor === undefined) {
      throw invalidParameter(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    }
    total += Number(`${digits || "0"}${fraction ?? ""}`) * factor;
  }
  if (total > 2 ** 63) throw invalidParameter(`time: invalid duration ${quoted}`);
  return Math.round(sign === "-" ? -total : total);
}
