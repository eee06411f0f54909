import { isIP } from "node:net";
import { invalidParameter } from "@berth/base";

/** How a kind of value is read from the command line and from daemon.json, and shown in errors. */
export interface Kind<V> {
  /** Word for the value in the help; empty: a switch. */
  word: string;
  /** A flag's text; `previous`: what earlier flags of the same name gave. @throws Error with the reason. */
  parse(text: string, previous: V | undefined): V;
  /** @throws Error with Go's reason (`json: cannot unmarshal …`). */
  fromJson(value: unknown, key: string): V;
  /** Go's `%v`. */
  show(value: V): string;
}

function mismatch(value: unknown, key: string, goType: string): Error {
  const kind =
    value === null
      ? "null"
      : Array.isArray(value)
        ? "array"
        : typeof value === "boolean"
          ? "bool"
          : typeof value;
  return invalidParameter(
    `json: cannot unmarshal ${kind} into Go struct field Config.${key} of type ${goType}`,
  );
}

export const text: Kind<string> = {
  word: "string",
  parse: (value) => value,
  fromJson(value, key) {
    if (typeof value !== "string") throw mismatch(value, key, "string");
    return value;
  },
  show: (value) => value,
};

/** One of several words. `sentence` makes the error. */
export function oneOf(words: readonly string[], sentence: (value: string) => string): Kind<string> {
  const check = (value: string) => {
    if (!words.includes(value)) throw invalidParameter(sentence(value));
    return value;
  };
  return { ...text, parse: check, fromJson: (value, key) => check(text.fromJson(value, key)) };
}

export const truth: Kind<boolean> = {
  word: "",
  parse(value) {
    if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
    if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
    throw invalidParameter(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  },
  fromJson(value, key) {
    if (typeof value !== "boolean") throw mismatch(value, key, "bool");
    return value;
  },
  show: String,
};

export const whole: Kind<number> = {
  word: "int",
  parse(value) {
    if (!/^[+-]?\d{1,15}$/.test(value)) {
      throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    return Number(value);
  },
  fromJson(value, key) {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw mismatch(value, key, "int");
    return value;
  },
  show: String,
};

const SIZE = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?[iI]?[bB]?$/;

/** Bytes, written `64m`, `1.5GiB`; units are powers of 1024. */
export const bytes: Kind<number> = {
  word: "bytes",
  parse(value) {
    const found = SIZE.exec(value);
    if (found === null) throw invalidParameter(`invalid size: '${value}'`);
    const power = found[2] === undefined ? 0 : "kmgtp".indexOf(found[2].toLowerCase()) + 1;
    return Math.floor(Number(found[1]) * 1024 ** power);
  },
  fromJson(value, key) {
    if (typeof value === "string") return bytes.parse(value, undefined);
    return whole.fromJson(value, key);
  },
  show: String,
};

export const address: Kind<string> = {
  word: "ip",
  parse(value) {
    if (isIP(value) === 0) throw invalidParameter(`${value} is not an ip address`);
    return value;
  },
  fromJson: (value, key) => address.parse(text.fromJson(value, key), undefined),
  show: (value) => value,
};

/** An address with prefix length, `10.1.0.1/24`; empty: none. */
export const cidr: Kind<string> = {
  word: "string",
  parse(value) {
    const [host = "", prefix = "", ...rest] = value.split("/");
    const longest = isIP(host) === 6 ? 128 : 32;
    const right =
      isIP(host) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest;
    if (value !== "" && !right) throw invalidParameter(`invalid CIDR address: ${value}`);
    return value;
  },
  fromJson: (value, key) => cidr.parse(text.fromJson(value, key), undefined),
  show: (value) => value,
};

/** A flag that may be given many times. `check` may change the entry. @throws what `check` throws. */
export function list(
  word: string,
  check: (entry: string) => string = (entry) => entry,
): Kind<readonly string[]> {
  return {
    word,
    parse: (value, previous = []) => [...previous, check(value)],
    fromJson(value, key) {
      if (!Array.isArray(value)) throw mismatch(value, key, "[]string");
      return value.map((entry) => check(text.fromJson(entry, key)));
    },
    show: (value) => `[${value.join(" ")}]`,
  };
}

/** `name=value`, many times. */
export const map: Kind<Readonly<Record<string, string>>> = {
  word: "map",
  parse(value, previous = {}) {
    const at = value.indexOf("=");
    const [name, setting] = at < 0 ? [value, ""] : [value.slice(0, at), value.slice(at + 1)];
    return Object.fromEntries([...Object.entries(previous), [name, setting]]);
  },
  fromJson(value, key) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw mismatch(value, key, "map[string]string");
    }
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, text.fromJson(each, key)]));
  },
  show: (value) =>
    `map[${Object.entries(value)
      .map(([name, each]) => `${name}:${each}`)
      .join(" ")}]`,
};
