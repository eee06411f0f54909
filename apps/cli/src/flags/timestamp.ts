import { parseGoDuration } from "@berth/spec";
import { CommandError } from "../errors.ts";

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * What `--since` and `--until` take: how long ago (`10m`), a date or time (in the local zone unless it names one), or
 * seconds since 1970.
 * @returns seconds since 1970, with a fraction if one was given; "" for "". @throws CommandError
 */
export function timestamp(text: string, now = Date.now()): string {
  if (text === "") return "";
  try {
    return String(Math.floor((now - parseGoDuration(text) / 1e6) / 1000));
  } catch {
    // No duration.
  }
  const found = DATE.exec(text);
  if (found === null) {
    if (/^-?\d{1,19}(\.\d{1,9})?$/.test(text)) return text;
    throw new CommandError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = found;
  const milliseconds = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`).getTime();
  if (Number.isNaN(milliseconds)) {
    throw new CommandError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  return `${milliseconds / 1000}.${fraction.padEnd(9, "0")}`;
}
