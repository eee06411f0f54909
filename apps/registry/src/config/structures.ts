/** Settings that are lists and maps: headers, fields, health checks, endpoints of notifications. */
import { bool, duration, type Kind, list, number, text } from "./kinds.ts";

type Fields = Record<string, unknown>;

/** Values by header name. */
export type Headers = Record<string, string[]>;

/** What a variable of the environment holds is YAML. */
function structure(value: unknown): unknown {
  return typeof value === "string" ? Bun.YAML.parse(value) : value;
}

function mapOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} is not a map`);
  return value as Fields;
}

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value;
}

/** The fields of a map, each read by its kind; those that are not given have the value of `standard`. */
function fieldsOf<T extends object>(
  value: unknown,
  kinds: { [Key in keyof T]-?: Kind<T[Key]> },
  standard: T,
  ignored: readonly string[] = [],
): T {
  const found = { ...standard };
  for (const [key, each] of Object.entries(mapOf(value, "an entry"))) {
    if (ignored.includes(key)) continue;
    if (!Object.hasOwn(kinds, key)) throw new Error(`unknown setting ${key}`);
    try {
      found[key as keyof T] = kinds[key as keyof T].parse(each);
    } catch (error) {
      throw new Error(`${key}: ${(error as Error).message}`);
    }
  }
  return found;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those that a header must not have
const NOT_IN_HEADERS = /[\0-\x08\x0a-\x1f\x7f]/;

function headerMap(value: unknown): Headers {
  const found: Headers = {};
  for (const [name, each] of Object.entries(mapOf(value, "headers"))) {
    const values = list.parse(typeof each === "string" ? (structure(each) ?? "") : each);
    if (!HEADER_NAME.test(name)) throw new Error(`${JSON.stringify(name)} is not the name of a header`);
    if (values.some((one) => NOT_IN_HEADERS.test(one)))
      throw new Error(`the value of ${name} is not that of a header`);
    found[name] = values;
  }
  return found;
}

export const headers: Kind<Headers> = {
  word: "header",
  parse(value) {
    // As a flag: NAME: VALUE.
    const flag = typeof value === "string" ? /^([^\s:{]+):\s*([^\n]*)$/.exec(value) : null;
    return headerMap(flag === null ? structure(value) : { [flag[1]!]: [flag[2]!] });
  },
  merge: (before, after) => ({ ...before, ...after }),
};

export const texts: Kind<Record<string, string>> = {
  word: "map",
  parse: (value) =>
    Object.fromEntries(
      Object.entries(mapOf(structure(value), "it")).map(([key, each]) => [key, String(each)]),
    ),
};

/** One thing that must be well for the registry to be so. */
export interface Check {
  /** The file, URL or address. */
  target: string;
  /** Milliseconds. */
  interval: number;
  timeout: number;
  /** Failures in a row before it counts. */
  threshold: number;
  statuscode: number;
  headers: Headers;
  enabled: boolean;
}
export type Checks = Check[];
export type CheckKind = "storagedriver" | "file" | "http" | "tcp";

const TARGETS: Record<CheckKind, string> = { storagedriver: "", file: "file", http: "uri", tcp: "addr" };

export function checks(kind: CheckKind): Kind<Checks> {
  const target = TARGETS[kind];
  const standard: Check = {
    target: "",
    interval: 10_000,
    timeout: 5000,
    threshold: 1,
    statuscode: 200,
    headers: {},
    enabled: true,
  };
  const parseOne = (value: unknown): Check => {
    const { [target]: named, ...rest } = mapOf(value, "a check");
    const found = fieldsOf<Check>(
      { ...rest, ...(named !== undefined && { target: named }) },
      {
        target: text,
        interval: duration,
        timeout: duration,
        threshold: number,
        statuscode: number,
        headers,
        enabled: bool,
      },
      standard,
    );
    if (target !== "" && found.target === "") throw new Error(`a check without ${target}`);
    if (found.interval < 10) throw new Error("an interval of less than 10 ms");
    return found;
  };
  return {
    word: "list",
    parse(value) {
      const all = structure(value);
      return (kind === "storagedriver" ? [all] : listOf(all, "health checks")).map(parseOne);
    },
  };
}

/** Who is told of what happens. */
export interface Endpoint {
  name: string;
  disabled: boolean;
  url: string;
  headers: Headers;
  /** Milliseconds. */
  timeout: number;
  /** Failures in a row before it is left alone for `backoff` milliseconds. */
  threshold: number;
  backoff: number;
  ignoredMediaTypes: string[];
  ignoredActions: string[];
}

interface EndpointFields extends Omit<Endpoint, "ignoredMediaTypes" | "ignoredActions"> {
  ignoredmediatypes: string[];
  ignore: { mediatypes: string[]; actions: string[] };
}

const ignore: Kind<EndpointFields["ignore"]> = {
  word: "map",
  parse: (value) =>
    fieldsOf<EndpointFields["ignore"]>(
      value,
      { mediatypes: list, actions: list },
      { mediatypes: [], actions: [] },
    ),
};

function endpoint(value: unknown): Endpoint {
  const {
    ignoredmediatypes,
    ignore: ignored,
    ...found
  } = fieldsOf<EndpointFields>(
    value,
    {
      name: text,
      disabled: bool,
      url: text,
      headers,
      timeout: duration,
      threshold: number,
      backoff: duration,
      ignoredmediatypes: list,
      ignore,
    },
    {
      name: "",
      disabled: false,
      url: "",
      headers: {},
      timeout: 1000,
      threshold: 10,
      backoff: 1000,
      ignoredmediatypes: [],
      ignore: { mediatypes: [], actions: [] },
    },
  );
  if (!/^https?:\/\/[^/]/.test(found.url)) throw new Error(`url: ${found.url} is not an http or https URL`);
  return {
    ...found,
    ignoredMediaTypes: [...ignoredmediatypes, ...ignored.mediatypes],
    ignoredActions: ignored.actions,
  };
}

export const endpoints: Kind<Endpoint[]> = {
  word: "list",
  parse: (value) => listOf(structure(value), "endpoints").map(endpoint),
};
