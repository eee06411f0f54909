import type { Filters } from "@berth/api";
import type { CacheRecord } from "@berth/api/build";
import { invalidParameter } from "@berth/base";

const KNOWN = [
  "id",
  "until",
  "unused-for",
  "type",
  "description",
  "inuse",
  "shared",
  "private",
  "mutable",
  "immutable",
  "parents",
  "parent",
];
const FLAGS: Readonly<Record<string, (record: CacheRecord) => boolean>> = {
  inuse: (record) => record.inUse,
  shared: (record) => record.shared,
  private: (record) => !record.shared,
  mutable: (record) => record.mutable,
  immutable: (record) => !record.mutable,
};

/** `until` and `unused-for`: a duration; used since then is no match. @throws invalid-parameter for what is unknown */
export function matchesFilters(record: CacheRecord, filters: Filters): boolean {
  for (const name of filters.keys()) {
    if (!KNOWN.includes(name)) throw invalidParameter(`invalid filter '${name}'`);
    const values = filters.get(name);
    const flag = FLAGS[name];
    if (flag !== undefined) {
      const wanted = !values.some((value) => value === "false" || value === "0");
      if (flag(record) !== wanted) return false;
    } else if (name === "until" || name === "unused-for") {
      const limit = Date.now() - Math.max(...values.map(duration));
      if (Date.parse(record.lastUsedAt ?? record.createdAt) > limit) return false;
    } else if (!values.some((value) => textOf(record, name).some((text) => matchesText(text, value, name)))) {
      return false;
    }
  }
  return true;
}

function textOf(record: CacheRecord, name: string): string[] {
  if (name === "id") return [record.id];
  if (name === "type") return [record.type];
  if (name === "description") return [record.description];
  return record.parents;
}

function matchesText(text: string, value: string, name: string): boolean {
  if (value.startsWith("~=")) return new RegExp(value.slice(2)).test(text);
  if (name === "description") return text.includes(value);
  return name === "id" ? text.startsWith(value) : text === value;
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations (`1h30m`), or a time in RFC 3339; milliseconds. @throws invalid-parameter */
function duration(text: string): number {
  const time = Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(time)) return Date.now() - time;
  let total = 0;
  let rest = text;
  while (rest !== "") {
    const part = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/.exec(rest);
    if (part === null) throw invalidParameter(`invalid duration: ${JSON.stringify(text)}`);
    total += Number(part[1]) * (UNITS[part[2] as string] as number);
    rest = rest.slice(part[0].length);
  }
  return total;
}
