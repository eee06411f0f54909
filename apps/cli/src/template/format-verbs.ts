import { quote } from "../format/quote.ts";
import { goFloat, goString, kindOf, typeName } from "./values.ts";

interface Flags {
  minus: boolean;
  plus: boolean;
  space: boolean;
  zero: boolean;
  sharp: boolean;
  width: number | undefined;
  precision: number | undefined;
}

/** Widths above this are Go's limit too (`%!(BADWIDTH)`). */
const MOST_WIDTH = 1_000_000;

/** Go's fmt.Sprintf for the verbs v s q x X d b o O c U t e E f F g G and %%. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let out = "";
  let next = 0;
  let reordered = false;
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf("%", at);
    if (percent < 0) {
      out += format.slice(at);
      break;
    }
    out += format.slice(at, percent);
    at = percent + 1;
    const spec = /^([-+# 0]*)(?:\[(\d+)\])?(\*|\d{1,9})?(?:\.(\*|\d{0,9}))?(?:\[(\d+)\])?/.exec(
      format.slice(at),
    )!;
    at += spec[0].length;
    const index = spec[2] ?? spec[5];
    if (index !== undefined) {
      next = Number(index) - 1;
      reordered = true;
    }
    const star = (text: string | undefined) =>
      text === "*" ? Number(args[next++] ?? 0) : text === undefined ? undefined : Number(text);
    const width = star(spec[3]);
    const precision = star(spec[4]);
    const flags: Flags = {
      minus: spec[1]!.includes("-") || (width ?? 0) < 0,
      plus: spec[1]!.includes("+"),
      space: spec[1]!.includes(" "),
      zero: spec[1]!.includes("0") && !spec[1]!.includes("-"),
      sharp: spec[1]!.includes("#"),
      width: width === undefined ? undefined : Math.abs(width),
      precision,
    };
    if ((flags.width ?? 0) > MOST_WIDTH || (flags.precision ?? 0) > MOST_WIDTH) {
      out += "%!(BADWIDTH)";
      flags.width = undefined;
      flags.precision = undefined;
    }
    const verb = [...format.slice(at, at + 2)][0];
    if (verb === undefined) {
      out += "%!(NOVERB)";
      break;
    }
    at += verb.length;
    if (verb === "%") out += "%";
    else if (next < 0 || next >= args.length) {
      out += index !== undefined ? `%!${verb}(BADINDEX)` : `%!${verb}(MISSING)`;
      next++;
    } else out += one(verb, args[next++], flags);
  }
  if (!reordered && next < args.length) {
    const extra = args
      .slice(next)
      .map((value) => (value == null ? "<nil>" : `${typeName(value)}=${goString(value)}`));
    out += `%!(EXTRA ${extra.join(", ")})`;
  }
  return out;
}

function one(verb: string, value: unknown, flags: Flags): string {
  if (Array.isArray(value) && !"vTq".includes(verb)) {
    return `[${value.map((each) => one(verb, each, flags)).join(" ")}]`;
  }
  const kind = kindOf(value);
  switch (verb) {
    case "T":
      return pad(typeName(value), flags);
    case "v":
      if (flags.sharp && kind === "string") return pad(quote(value as string), flags);
      if (kind === "int") return integer("d", value as number | bigint, flags);
      if (kind === "float" && flags.precision !== undefined) return float("g", value as number, flags);
      return pad(goString(value, flags.plus), flags);
    case "t":
      return kind === "bool" ? pad(String(value), flags) : wrong(verb, value);
    case "s":
      if (kind === "string") return pad(cut(value as string, flags), flags);
      return kind === "map" || kind === "struct" ? pad(goString(value), flags) : wrong(verb, value);
    case "q":
      if (kind === "slice") return `[${(value as unknown[]).map((each) => one("q", each, flags)).join(" ")}]`;
      if (kind === "int") return pad(`'${String.fromCodePoint(codePoint(value))}'`, flags);
      return kind === "string" ? pad(quote(cut(value as string, flags)), flags) : wrong(verb, value);
    case "x":
    case "X":
      if (kind === "string") {
        const hex = Buffer.from(cut(value as string, flags)).toString("hex");
        return pad(verb === "X" ? hex.toUpperCase() : hex, flags);
      }
      return kind === "int" ? integer(verb, value as number | bigint, flags) : wrong(verb, value);
    case "d":
    case "b":
    case "o":
    case "O":
      return kind === "int" ? integer(verb, value as number | bigint, flags) : wrong(verb, value);
    case "c":
      return kind === "int" ? pad(String.fromCodePoint(codePoint(value)), flags) : wrong(verb, value);
    case "U":
      if (kind !== "int") return wrong(verb, value);
      return pad(`U+${Number(value).toString(16).toUpperCase().padStart(4, "0")}`, flags);
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G":
      // Docker's values hold no float of a whole number; in Go an int is refused here, like ours.
      return kind === "float" ? float(verb, value as number, flags) : wrong(verb, value);
    default:
      return wrong(verb, value);
  }
}

function wrong(verb: string, value: unknown): string {
  return value == null ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${goString(value)})`;
}

function codePoint(value: unknown): number {
  const code = Number(value);
  return code >= 0 && code <= 0x10ffff ? code : 0xfffd;
}

function cut(text: string, flags: Flags): string {
  return flags.precision === undefined ? text : [...text].slice(0, flags.precision).join("");
}

function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return (flags.zero ? "0" : " ").repeat(missing) + text;
}

function integer(verb: string, value: number | bigint, flags: Flags): string {
  const whole = BigInt(value);
  const size = whole < 0n ? -whole : whole;
  const base = { d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }[verb] ?? 10;
  let digits = size.toString(base);
  if (verb === "X") digits = digits.toUpperCase();
  if (flags.precision !== undefined) digits = digits.padStart(flags.precision, "0");
  const prefix = verb === "O" ? "0o" : flags.sharp ? ({ b: "0b", o: "0", x: "0x", X: "0X" }[verb] ?? "") : "";
  const sign = whole < 0n ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (flags.zero && flags.precision === undefined) {
    digits = digits.padStart((flags.width ?? 0) - sign.length - prefix.length, "0");
  }
  return pad(sign + prefix + digits, { ...flags, zero: false });
}

function float(verb: string, value: number, flags: Flags): string {
  const size = Math.abs(value);
  const precision = Math.min(flags.precision ?? 6, 100);
  let digits: string;
  if (verb === "e" || verb === "E") digits = twoDigits(size.toExponential(precision));
  else if (verb === "f" || verb === "F") digits = size.toFixed(precision);
  else if (flags.precision === undefined) digits = goFloat(size);
  else {
    const shown = size.toPrecision(Math.max(1, precision));
    digits = shown.includes("e")
      ? twoDigits(shown.replace(/\.?0+e/, "e"))
      : shown.includes(".")
        ? shown.replace(/\.?0+$/, "")
        : shown;
  }
  if (verb === "E" || verb === "G") digits = digits.toUpperCase();
  const sign = value < 0 ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (flags.zero) digits = digits.padStart((flags.width ?? 0) - sign.length, "0");
  return pad(sign + digits, { ...flags, zero: false });
}

function twoDigits(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}
