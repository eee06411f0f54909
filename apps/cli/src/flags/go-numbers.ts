import { quote } from "../format/quote.ts";

/** Go's strconv.ParseBool. @throws Error with Go's sentence. */
export function parseBool(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
}

/** Go's strconv.ParseInt and ParseUint with base 0: `10`, `0x1f`, `0b11`, `0o17`, `017`. @throws Error with Go's sentence. */
export function parseInteger(text: string, unsigned = false, bits = 64): number {
  const name = unsigned ? "ParseUint" : "ParseInt";
  const syntax = new Error(`strconv.${name}: parsing ${quote(text)}: invalid syntax`);
  const found = /^([+-]?)(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*)$/.exec(text);
  if (found === null || (unsigned && found[1] !== "")) throw syntax;
  let digits = found[2]!.toLowerCase();
  if (digits.includes("_") && (!/^0./.test(digits) || /__|_$/.test(digits))) throw syntax;
  digits = digits.replaceAll("_", "");
  if (/^0\d/.test(digits)) {
    if (/[89]/.test(digits)) throw syntax;
    digits = `0o${digits.slice(1)}`;
  }
  const value = BigInt(digits) * (found[1] === "-" ? -1n : 1n);
  const most = unsigned ? (1n << BigInt(bits)) - 1n : (1n << BigInt(bits - 1)) - 1n;
  const least = unsigned ? 0n : -(1n << BigInt(bits - 1));
  if (value > most || value < least) {
    throw new Error(`strconv.${name}: parsing ${quote(text)}: value out of range`);
  }
  return Number(value);
}

const POWERS = "kmgtp";

/** Docker's sizes, in bytes: `512`, `512k`, `1.5GiB`; every unit is a power of 1024. @throws Error with Docker's sentence. */
export function parseSize(text: string): number {
  const invalid = new Error(`invalid size: '${text}'`);
  const end = /[0-9. ](?=[^0-9. ]*$)/.exec(text);
  if (end === null) throw invalid;
  const separator = end.index + 1;
  const number = text[separator - 1] === " " ? text.slice(0, separator - 1) : text.slice(0, separator);
  const suffix = text.slice(separator);
  // As Go's ParseFloat: digits, and at most one point.
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number)) throw invalid;
  const size = Number(number);
  if (size < 0) throw invalid;
  if (suffix === "") return Math.trunc(size);
  const badSuffix = new Error(`invalid suffix: '${suffix}'`);
  const unit = suffix.toLowerCase();
  if (unit === "b") return Math.trunc(size);
  const found = /^([kmgtp])(i?b)?$/.exec(unit);
  if (found === null || (unit.length === 2 && unit[1] !== "b")) throw badSuffix;
  return Math.trunc(size * 1024 ** (POWERS.indexOf(found[1]!) + 1));
}

/** A number of processors, in billionths. @throws Error with Docker's sentence. */
export function parseNanoCpus(text: string): number {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (found === null || (found[2] === "" && !found[3])) {
    const ratio = /^([+-]?\d{1,15})\/(\d{1,15})$/.exec(text);
    if (ratio === null || Number(ratio[2]) === 0)
      throw new Error(`failed to parse ${text} as a rational number`);
    const nano = (BigInt(ratio[1]!) * 1_000_000_000n) / BigInt(ratio[2]!);
    if (nano * BigInt(ratio[2]!) !== BigInt(ratio[1]!) * 1_000_000_000n)
      throw new Error("value is too precise");
    return Number(nano);
  }
  const shift = 9 + Number(found[4] ?? 0);
  const fraction = found[3] ?? "";
  let digits = found[2]! + fraction;
  const move = shift - fraction.length;
  if (move >= 0) digits += "0".repeat(Math.min(move, 40));
  else {
    const rest = digits.slice(move);
    if (/[1-9]/.test(rest)) throw new Error("value is too precise");
    digits = digits.slice(0, move);
  }
  return Number(digits === "" ? "0" : digits) * (found[1] === "-" ? -1 : 1);
}
