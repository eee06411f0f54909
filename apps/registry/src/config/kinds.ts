/** How a setting is written, in a flag or variable (text) and in a file (JSON). */
export interface Kind<T> {
  /** Shown in the help; empty for a switch. */
  word: string;
  /** @throws Error that says what is wrong. */
  parse(value: unknown): T;
  /** What several flags, or a part of the setting alone, mean together; absent: the last one counts. */
  merge?(before: T, after: T): T;
}

const wrong = (what: string, value: unknown): Error =>
  new Error(`${JSON.stringify(value)?.slice(0, 100)} is not ${what}`);

export const text: Kind<string> = {
  word: "string",
  parse(value) {
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw wrong("a text", value);
  },
};

export const bool: Kind<boolean> = {
  word: "",
  parse(value) {
    if (typeof value === "boolean") return value;
    if (value === "true" || value === "1" || value === "") return true;
    if (value === "false" || value === "0") return false;
    throw wrong("true or false", value);
  },
};

export const number: Kind<number> = {
  word: "number",
  parse(value) {
    const found = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof found === "number" && Number.isFinite(found) && found >= 0) return found;
    throw wrong("a number", value);
  },
};

const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's durations (`1h30m`), in milliseconds. A number without a unit is one of nanoseconds, as in Docker's registry. */
export const duration: Kind<number> = {
  word: "duration",
  parse(value) {
    if (typeof value === "number" && value >= 0) return value / 1e6;
    if (typeof value === "string" && /^\d+$/.test(value)) return Number(value) / 1e6;
    if (typeof value !== "string" || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(value))
      throw wrong("a duration (for example 90s or 1h30m)", value);
    let sum = 0;
    for (const [, count, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
      sum += Number(count) * UNITS[unit!]!;
    return sum;
  },
};

/** Bytes, with a unit of 1024 if one is given (`10g`, `512MiB`). */
export const size: Kind<number> = {
  word: "bytes",
  parse(value) {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value) : null;
    if (match === null) throw wrong("a size (for example 10g)", value);
    const power = ["", "k", "m", "g", "t"].indexOf(match[2]!.toLowerCase());
    return Math.floor(Number(match[1]) * 1024 ** power);
  },
};

export const list: Kind<string[]> = {
  word: "list",
  parse(value) {
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    if (typeof value === "string") {
      // Docker's registry takes `[a, b]` in variables.
      const bare = value.replace(/^\[(.*)\]$/s, "$1");
      return bare
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== "");
    }
    throw wrong("a list", value);
  },
};
