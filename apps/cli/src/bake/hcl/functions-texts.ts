import { converting, HclError, isList, numberOf, objectOf, type Plain, textOf, type Value } from "./value.ts";

/** Patterns of Go's RE2 as JavaScript's. */
function pattern(text: Value, flags = ""): RegExp {
  const source = textOf(text).replaceAll("(?P<", "(?<");
  const inline = /^\(\?([ims]+)\)/.exec(source);
  try {
    return new RegExp(
      inline === null ? source : source.slice(inline[0].length),
      `u${flags}${inline?.[1] ?? ""}`,
    );
  } catch {
    throw new HclError(`invalid regexp pattern: ${source}`);
  }
}

/** What a match gives: the whole, its groups, or its named groups. */
function matched(found: RegExpMatchArray): Value {
  if (found.groups !== undefined)
    return objectOf(Object.entries(found.groups).map(([name, value]) => [name, value ?? null] as const));
  return found.length > 1 ? found.slice(1).map((value) => value ?? null) : found[0];
}

const text = (work: (...values: string[]) => Value) => converting(textOf, work);

const hash = (algorithm: "md5" | "sha1" | "sha256" | "sha512") =>
  text((value) => new Bun.CryptoHasher(algorithm).update(value as string).digest("hex"));

/** printf of HCL: %s %d %f %q %t %v %x %o %b %e %g %%, with width, precision and flags. */
function format(template: string, args: readonly Value[]): string {
  let next = 0;
  return template.replace(
    /%(?:\[(\d+)\])?([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g,
    (all, index, flags: string, width, precision, verb: string) => {
      if (verb === "%") return "%";
      if (index !== undefined) next = Number(index) - 1;
      const value = args[next++];
      if (value === undefined) throw new HclError(`not enough arguments for ${JSON.stringify(all)}`);
      let shown = formatOne(verb, value, precision === undefined ? undefined : Number(precision));
      if (flags.includes("+") && typeof value === "number" && value >= 0) shown = `+${shown}`;
      const fill = flags.includes("0") && !flags.includes("-") ? "0" : " ";
      return flags.includes("-")
        ? shown.padEnd(Number(width ?? 0))
        : shown.padStart(Number(width ?? 0), fill);
    },
  );
}

function formatOne(verb: string, value: Value, precision: number | undefined): string {
  switch (verb) {
    case "s":
      return textOf(value).slice(0, precision);
    case "q":
      return JSON.stringify(textOf(value));
    case "v":
      return typeof value === "string"
        ? value
        : typeof value === "number"
          ? String(value)
          : JSON.stringify(value);
    case "t":
      return String(value);
    case "d":
      return String(Math.trunc(numberOf(value)));
    case "b":
      return numberOf(value).toString(2);
    case "o":
      return numberOf(value).toString(8);
    case "x":
      return typeof value === "string" ? Buffer.from(value).toString("hex") : numberOf(value).toString(16);
    case "X":
      return formatOne("x", value, precision).toUpperCase();
    case "f":
      return numberOf(value).toFixed(precision ?? 6);
    case "e":
      return numberOf(value).toExponential(precision ?? 6);
    case "g":
      return String(numberOf(value));
    default:
      throw new HclError(`unsupported format verb %${verb}`);
  }
}

const WORD_STARTS = /(^|[^\p{L}\p{N}'_])(\p{L})/gu;

/** Functions of texts. */
export const TEXTS: Record<string, Plain> = {
  base64decode: text((value) => Buffer.from(value as string, "base64").toString("utf8")),
  base64encode: text((value) => Buffer.from(value as string).toString("base64")),
  chomp: text((value) => (value as string).replace(/(?:\r?\n)+$/, "")),
  format: (template, ...args) => format(textOf(template), args),
  formatlist: (template, ...args) => {
    const lists = args.filter(isList);
    const length = lists[0]?.length ?? 1;
    if (lists.some((list) => list.length !== length)) throw new HclError("lists of different lengths");
    return Array.from({ length }, (_, at) =>
      format(
        textOf(template),
        args.map((arg) => (isList(arg) ? (arg[at] as Value) : arg)),
      ),
    );
  },
  indent: (width, value) =>
    textOf(value).replaceAll("\n", `\n${" ".repeat(Math.min(numberOf(width), 1000))}`),
  join: (separator, ...lists) =>
    lists
      .flatMap((list) => (isList(list) ? list : [list]))
      .map(textOf)
      .join(textOf(separator)),
  jsondecode: (value) => {
    try {
      return JSON.parse(textOf(value));
    } catch {
      throw new HclError("invalid JSON");
    }
  },
  jsonencode: (value) => JSON.stringify(sorted(value)),
  lower: text((value) => (value as string).toLowerCase()),
  md5: hash("md5"),
  regex: (expression, value) => {
    const found = pattern(expression).exec(textOf(value));
    if (found === null) throw new HclError("pattern did not match any part of the given string");
    return matched(found);
  },
  regex_replace: (value, expression, replacement) =>
    textOf(value).replace(
      pattern(expression, "g"),
      // `${1}`, `$1` and `${name}` are Go's.
      textOf(replacement).replace(/\$\{?(\w+)\}?/g, (_, name) =>
        /^\d+$/.test(name) ? `$${name}` : `$<${name}>`,
      ),
    ),
  regexall: (expression, value) => [...textOf(value).matchAll(pattern(expression, "g"))].map(matched),
  replace: (value, from, to) => {
    const search = textOf(from);
    const isPattern = search.length > 1 && search.startsWith("/") && search.endsWith("/");
    return isPattern
      ? textOf(value).replace(pattern(search.slice(1, -1), "g"), textOf(to))
      : textOf(value).split(search).join(textOf(to));
  },
  reverse: text((value) => [...(value as string)].reverse().join("")),
  sanitize: text((value) => (value as string).replace(/[^a-zA-Z0-9_-]/g, "_")),
  sha1: hash("sha1"),
  sha256: hash("sha256"),
  sha512: hash("sha512"),
  split: (separator, value) => textOf(value).split(textOf(separator)),
  strlen: text((value) => [...(value as string)].length),
  substr: (value, offset, length) => {
    const letters = [...textOf(value)];
    const from = numberOf(offset) < 0 ? letters.length + numberOf(offset) : numberOf(offset);
    const count = numberOf(length);
    return letters.slice(from, count < 0 ? undefined : from + count).join("");
  },
  timeadd: (moment, duration) => {
    const total = [...textOf(duration).matchAll(/([-+]?\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce(
      (sum, [, count, unit]) =>
        sum + Number(count) * ({ h: 3_600_000, m: 60_000, s: 1000, ms: 1 }[unit as "h"] ?? 0),
      0,
    );
    return seconds(new Date(Date.parse(textOf(moment)) + total));
  },
  timestamp: () => seconds(new Date()),
  title: text((value) =>
    (value as string).replace(
      WORD_STARTS,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  ),
  trim: text((value, letters) => {
    const wanted = new Set(letters);
    const all = [...(value as string)];
    while (all.length > 0 && wanted.has(all[0] as string)) all.shift();
    while (all.length > 0 && wanted.has(all.at(-1) as string)) all.pop();
    return all.join("");
  }),
  trimprefix: text((value, prefix) =>
    (value as string).startsWith(prefix as string)
      ? (value as string).slice((prefix as string).length)
      : (value as string),
  ),
  trimspace: text((value) => (value as string).trim()),
  trimsuffix: text((value, suffix) =>
    suffix !== "" && (value as string).endsWith(suffix as string)
      ? (value as string).slice(0, -(suffix as string).length)
      : (value as string),
  ),
  upper: text((value) => (value as string).toUpperCase()),
  urlencode: text((value) =>
    encodeURIComponent(value as string)
      .replaceAll("%20", "+")
      .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`),
  ),
  uuidv4: () => crypto.randomUUID(),
};

/** RFC 3339 without fractions. */
function seconds(moment: Date): string {
  if (Number.isNaN(moment.getTime())) throw new HclError("not a timestamp");
  return moment.toISOString().replace(/\.\d+Z$/, "Z");
}

function sorted(value: Value): unknown {
  if (isList(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name] as Value)]),
  );
}
