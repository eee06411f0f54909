import { invalidParameter } from "@berth/base/errors";

/** Nanoseconds of the units of Go's time.ParseDuration. */
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
/** Beyond what Go can hold. */
const TOO_LONG = 2 ** 63;

/**
 * Go's time.ParseDuration: `1m30s`, `-1.5h`, `0`. `more`: other units, in nanoseconds.
 * @returns nanoseconds. @throws invalid-parameter with Go's sentence.
 */
export function parseGoDuration(text: string, more: Readonly<Record<string, number>> = {}): number {
  const quoted = JSON.stringify(text.slice(0, 100));
  const invalid = () => invalidParameter(`time: invalid duration ${quoted}`);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  const rest = text.slice(sign.length);
  if (rest === "0") return 0;
  if (rest === "") throw invalid();
  let total = 0;
  const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
  while (part.lastIndex < rest.length) {
    const [, amount, unit] = part.exec(rest) ?? [];
    if (amount === undefined || unit === undefined) throw invalid();
    if (unit === "") throw invalidParameter(`time: missing unit in duration ${quoted}`);
    const factor = Object.hasOwn(UNITS, unit)
      ? UNITS[unit]
      : Object.hasOwn(more, unit)
        ? more[unit]
        : undefined;
    if (factor === undefined) {
      throw invalidParameter(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    }
    total += Math.round(Number(amount) * factor);
  }
  if (total > TOO_LONG) throw invalid();
  return sign === "-" ? -total : total;
}

/** Go's Duration.String: `1m30s`, `1.5s`, `0s`. */
export function formatGoDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 0) return `-${formatGoDuration(-nanoseconds)}`;
  for (const [unit, size] of [
    ["ns", 1],
    ["µs", 1e3],
    ["ms", 1e6],
  ] as const) {
    if (nanoseconds < size * 1000) return `${nanoseconds / size}${unit}`;
  }
  const hours = Math.floor(nanoseconds / 3600e9);
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9);
  const seconds = (nanoseconds % 60e9) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
