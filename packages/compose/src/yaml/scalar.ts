import type { YamlDate } from "./date.ts";
import { timestamp } from "./date.ts";

export type Scalar = string | number | bigint | boolean | null | YamlDate;

const INTEGER = /^[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+|[0-9][0-9_]*)$/i;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)(e[-+]?[0-9]+)?$/i;

/** What a plain scalar is, by the rules of the YAML library that Compose uses (YAML 1.2 with 1.1's octals). */
export function plainScalar(text: string): Scalar {
  const first = text.charCodeAt(0);
  // Letters that begin no keyword: the usual case.
  if (first >= 97 && first <= 122 && first !== 110 && first !== 116 && first !== 102) return text;
  switch (text) {
    case "":
    case "~":
    case "null":
    case "Null":
    case "NULL":
      return null;
    case "true":
    case "True":
    case "TRUE":
      return true;
    case "false":
    case "False":
    case "FALSE":
      return false;
    case ".inf":
    case ".Inf":
    case ".INF":
    case "+.inf":
    case "+.Inf":
    case "+.INF":
      return Number.POSITIVE_INFINITY;
    case "-.inf":
    case "-.Inf":
    case "-.INF":
      return Number.NEGATIVE_INFINITY;
    case ".nan":
    case ".NaN":
    case ".NAN":
      return Number.NaN;
  }
  // Digits, signs and the dot begin numbers and dates.
  if (!((first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46)) return text;
  if (INTEGER.test(text)) {
    const read = integer(text.replaceAll("_", ""));
    if (read !== undefined) return read;
  }
  if (FLOAT.test(text.replaceAll("_", ""))) return Number(text.replaceAll("_", ""));
  return timestamp(text) ?? text;
}

function integer(text: string): number | bigint | undefined {
  const negative = text[0] === "-";
  let digits = /^[-+]/.test(text) ? text.slice(1) : text;
  if (/^0[0-7]+$/.test(digits)) digits = `0o${digits}`;
  else if (/^0\d+$/.test(digits)) return undefined;
  if (/^0[box]$/i.test(digits)) return undefined;
  const number = Number(digits);
  if (Number.isSafeInteger(number)) return negative ? -number : number;
  const big = BigInt(digits);
  if (big > 0xffff_ffff_ffff_ffffn) return undefined;
  return negative ? -big : big;
}
