/** A date or time that stood in a file without quotes. */
export class YamlDate {
  /** As written. */
  readonly source: string;
  readonly time: Date;
  constructor(source: string, time: Date) {
    this.source = source;
    this.time = time;
  }

  /** As Go prints a time. */
  toString(): string {
    const [date, clock] = this.time.toISOString().slice(0, 19).split("T") as [string, string];
    return `${date} ${clock} +0000 UTC`;
  }
}

const DATE = /^\d{4}-\d\d?-\d\d?$/;
const TIME =
  /^\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d+)?(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?$/;

/** @returns undefined when it is none. */
export function timestamp(text: string): YamlDate | undefined {
  if (text.length < 8 || (!DATE.test(text) && !TIME.test(text))) return undefined;
  const time = new Date(text.replace(/[ \t]+/, "T"));
  return Number.isNaN(time.getTime()) ? undefined : new YamlDate(text, time);
}
