import { DockerfileError } from "../parse/error.ts";

/** Nanoseconds in each unit of Go's time.ParseDuration. */
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
const MAX = 2 ** 63;

/** Reads `1m30s`, `1.5h`: nanoseconds. @throws DockerfileError. */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text.slice(0, 100));
  const match = /^([+-]?)(.*)$/s.exec(text)!;
  const rest = match[2]!;
  if (rest === "0") return 0;
  if (rest === "") throw new DockerfileError(`time: invalid duration ${quoted}`);
  let total = 0;
  let at = 0;
  const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
  while (at < rest.length) {
    part.lastIndex = at;
    const found = part.exec(rest);
    if (found === null) throw new DockerfileError(`time: invalid duration ${quoted}`);
    if (found[2] === "") throw new DockerfileError(`time: missing unit in duration ${quoted}`);
    const unit = Object.hasOwn(UNITS, found[2]!) ? UNITS[found[2]!] : undefined;
    if (unit === undefined) {
      throw new DockerfileError(`time: unknown unit ${JSON.stringify(found[2])} in duration ${quoted}`);
    }
    total += Math.trunc(Number(found[1]) * unit);
    at = part.lastIndex;
  }
  if (total >= MAX) throw new DockerfileError(`time: invalid duration ${quoted}`);
  return match[1] === "-" ? -total : total;
}

/** Go's Duration.String: `1m30s`, `1.5s`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 0) return `-${formatDuration(-nanoseconds)}`;
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
