import type { TarTime } from "./entry.ts";
import { invalidHeader } from "./failure.ts";

const SPACE = 0x20;
const ZERO = 0x30;

/**
 * A number field of a header block: octal digits, or base-256 when the first bit is set (GNU; two's complement). An empty
 * field is 0. The result is a safe integer.
 * @throws system for other bytes, and for numbers that a JavaScript number cannot hold.
 */
export function parseNumber(block: Uint8Array, at: number, length: number, field: string): number {
  const first = block[at] as number;
  if (first & 0x80) return parseBase256(block, at, length, field);
  const end = at + length;
  let position = at;
  while (position < end && (block[position] === SPACE || block[position] === 0)) position++;
  let value = 0;
  for (; position < end; position++) {
    const digit = (block[position] as number) - ZERO;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; position < end; position++) {
    const byte = block[position] as number;
    if (byte === 0) break;
    if (byte !== SPACE) throw invalidHeader(`${field} is not an octal number`);
  }
  if (!Number.isSafeInteger(value)) throw invalidHeader(`${field} is too large`);
  return value;
}

function parseBase256(block: Uint8Array, at: number, length: number, field: string): number {
  const negative = ((block[at] as number) & 0x40) !== 0;
  // The marker bit is no part of the number: it is the sign's.
  let value = negative ? ((block[at] as number) | 0x80) - 0x100 : (block[at] as number) & 0x3f;
  for (let i = at + 1; i < at + length; i++) {
    value = value * 256 + (block[i] as number);
    if (!Number.isSafeInteger(value)) throw invalidHeader(`${field} is too large`);
  }
  return value;
}

/** Whether `value` fits into an octal field of `length` bytes with a closing NUL. */
export function fitsOctal(value: number, length: number): boolean {
  return value >= 0 && value < 8 ** (length - 1);
}

/** Writes `value` as octal digits with a closing NUL. It must fit. */
export function writeOctal(block: Uint8Array, at: number, length: number, value: number): void {
  let rest = value;
  for (let i = at + length - 2; i >= at; i--) {
    block[i] = ZERO + (rest % 8);
    rest = Math.floor(rest / 8);
  }
  block[at + length - 1] = 0;
}

const DECIMAL = /^-?\d{1,20}$/;

/** A decimal integer of a PAX record. @throws system */
export function parseDecimal(text: string, field: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidHeader(`${field} is not a usable number`);
  return value;
}

const TIME = /^(-?)(\d{1,20})(?:\.(\d*))?$/;

/**
 * A time of a PAX record, such as `1350244992.023960108` or `-1.5`; digits past nanoseconds are cut off. A time too far away
 * to be counted is 1970, as Docker makes it.
 */
export function parseTime(text: string, field: string): TarTime {
  const match = TIME.exec(text);
  if (match === null) throw invalidHeader(`${field} is not a time`);
  const negative = match[1] === "-";
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (!Number.isSafeInteger(seconds)) return { seconds: 0, nanoseconds: 0 };
  if (!negative) return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds: 0 };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** The text of a PAX time record. */
export function formatTime(time: TarTime): string {
  let { seconds, nanoseconds } = time;
  let sign = "";
  if (seconds < 0) {
    sign = "-";
    seconds = -seconds;
    if (nanoseconds > 0) {
      seconds -= 1;
      nanoseconds = 1_000_000_000 - nanoseconds;
    }
  }
  const fraction = nanoseconds === 0 ? "" : `.${String(nanoseconds).padStart(9, "0").replace(/0+$/, "")}`;
  return `${sign}${seconds}${fraction}`;
}
