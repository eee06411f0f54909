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
  d: 86400e9,
  w: 604800e9,
};

/** `1h30m`, `1.5s`. @returns nanoseconds. @throws BerthError with Go's sentence. */
export function parseDuration(text: string): number {
  const wrong = () => invalidParameter(`time: invalid duration ${JSON.stringify(text)}`);
  const found = /^([+-]?)(.+)$/.exec(text.trim());
  if (found === null) throw wrong();
  if (found[2] === "0") return 0;
  let total = 0;
  let rest = found[2]!;
  while (rest !== "") {
    const part = /^(\d+\.?\d*|\.\d+)([a-zµμ]*)/.exec(rest);
    if (part === null) throw wrong();
    if (part[2] === "") throw invalidParameter(`time: missing unit in duration ${JSON.stringify(text)}`);
    const unit = UNITS[part[2]!];
    if (unit === undefined) {
      throw invalidParameter(
        `time: unknown unit ${JSON.stringify(part[2])} in duration ${JSON.stringify(text)}`,
      );
    }
    total += Math.round(Number(part[1]) * unit);
    rest = rest.slice(part[0].length);
  }
  if (!Number.isFinite(total) || total > 9.3e18) throw wrong();
  return found[1] === "-" ? -total : total;
}

/** As Go writes a duration: `1m30s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  const sign = nanoseconds < 0 ? "-" : "";
  const n = Math.abs(nanoseconds);
  if (n < 1e3) return `${sign}${n}ns`;
  if (n < 1e6) return `${sign}${n / 1e3}µs`;
  if (n < 1e9) return `${sign}${n / 1e6}ms`;
  const hours = Math.floor(n / 3600e9);
  const minutes = Math.floor((n % 3600e9) / 60e9);
  const nanos = n % 60e9;
  const whole = Math.floor(nanos / 1e9);
  const fraction = Math.round(nanos % 1e9);
  const seconds =
    fraction === 0 ? `${whole}s` : `${whole}.${String(fraction).padStart(9, "0").replace(/0+$/, "")}s`;
  return `${sign}${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}`;
}

const SIZE = /^(\d+(?:\.\d*)?|\.\d+) ?([kmgtp]?)(i?b)?$/i;

/** `512m`, `1.5gb`, `-1`. @returns bytes. @throws BerthError */
export function parseBytes(text: string): number {
  if (text === "-1") return -1;
  const found = SIZE.exec(text);
  if (found === null || (found[3]?.toLowerCase() === "ib" && found[2] === "")) {
    throw invalidParameter(`invalid size: '${text}'`);
  }
  return Math.floor(Number(found[1]) * 1024 ** " kmgtp".indexOf(found[2]!.toLowerCase() || " "));
}

/**
 * A command line as words, as Compose splits it: quotes and backslashes, no expansion. What stands behind `;`, `&`, `|`, `<` or
 * `>` is another command's, and is left out.
 * @throws BerthError
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let started = false;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const c = line[at]!;
    if (c === "\\" && quote !== "'") {
      if (at + 1 >= line.length) throw invalidParameter("invalid command line string");
      word += line[++at]!;
      started = true;
    } else if (quote !== "") {
      if (c === quote) quote = "";
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      started = true;
    } else if (c === " " || c === "\t" || c === "\n" || c === "\r") {
      if (started) words.push(word);
      word = "";
      started = false;
    } else if (";&|<>".includes(c)) {
      if (c === ">" && /^\d/.test(word)) started = false;
      break;
    } else if (c === "(") {
      throw invalidParameter("invalid command line string");
    } else {
      word += c;
      started = true;
    }
  }
  if (quote !== "") throw invalidParameter("invalid command line string");
  if (started) words.push(word);
  return words;
}
