/**
 * What an attribute may look like, as data. One table of these (service.ts, project.ts) serves validation, expansion of
 * short syntax, merging, printing and hashing, so that an attribute is described in one place.
 */
export type Shape = (
  | { is: "any" }
  /** A string; `also`: scalars that are taken for one. */
  | {
      is: "text";
      also?: "number" | "boolean" | "scalar";
      oneOf?: readonly string[];
      /** What `must` says of a text that is none of these. */
      matches?: RegExp;
      path?: true;
    }
  | { is: "flag" }
  | { is: "integer"; least?: number; most?: number }
  | { is: "float" }
  | { is: "bytes" }
  | { is: "duration" }
  /** Permissions, octal. */
  | { is: "mode" }
  /** A list of words, or one line split as a shell would. */
  | { is: "command" }
  /** `single`: one item may stand without the list. `key`: items with the same key replace each other. */
  | {
      is: "list";
      of: Shape;
      single?: true;
      key?: (item: never) => string;
      expand?: (item: unknown, path: string) => unknown[] | undefined;
    }
  /** `list`: also a list of `key=value`. */
  | {
      is: "map";
      of: Shape;
      keys?: RegExp;
      list?: (item: string, path: string) => [string, unknown];
      nullable?: true;
      collect?: true;
    }
  /** `short`: what another form of it means. */
  | {
      is: "struct";
      fields: Fields;
      required?: readonly string[];
      short?: (value: unknown, path: string) => Record<string, unknown> | undefined;
      nullable?: true;
      extensible?: false;
    }
) &
  ShapeOptions;

export interface ShapeOptions {
  /** What the error says instead of the usual. */
  must?: string;
  /** Zero, false and empty are printed, because they mean something else than absence. */
  keep?: true;
  /** A mapping that is printed as a list of `key=value`. */
  asList?: true;
  /** Printed as JSON even when it is absent (null) or empty ({}). */
  always?: "null" | "empty";
  /** What Compose calls it in what it hashes. */
  hashedAs?: string;
  /** A later file's value takes the place of the earlier one. */
  merge?: "replace";
}

export type Fields = Readonly<Record<string, Shape>>;

type Options = ShapeOptions;
export const text = (options: Options & { path?: true; matches?: RegExp } = {}): Shape => ({
  is: "text",
  ...options,
});
export const textOr = (also: "number" | "boolean" | "scalar", options: Options = {}): Shape => ({
  is: "text",
  also,
  ...options,
});
export const oneOf = (...values: string[]): Shape => ({ is: "text", oneOf: values });
export const flag = (options: Options = {}): Shape => ({ is: "flag", ...options });
export const integer = (options: Options & { least?: number; most?: number } = {}): Shape => ({
  is: "integer",
  ...options,
});
export const float = (options: Options = {}): Shape => ({ is: "float", ...options });
export const bytes = (options: Options = {}): Shape => ({ is: "bytes", ...options });
export const duration = (options: Options = {}): Shape => ({ is: "duration", ...options });
export const list = (
  of: Shape,
  options: Options & {
    key?: (item: never) => string;
    expand?: (item: unknown, path: string) => unknown[] | undefined;
  } = {},
): Shape => ({ is: "list", of, ...options });
/** A string or a list of strings. */
export const texts = (options: Options = {}): Shape => ({
  is: "list",
  of: text(),
  single: true,
  must: "must be a string",
  ...options,
});
/** `key=value` as list or mapping. */
export const pairs = (options: Options = {}): Shape => ({
  is: "map",
  of: textOr("scalar"),
  list: (item) => {
    const at = item.indexOf("=");
    return at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
  },
  must: "must be a mapping",
  ...options,
});
/** The same, where a key without value is different from one with an empty value. */
export const variables = (options: Options = {}): Shape => ({
  is: "map",
  of: textOr("scalar"),
  nullable: true,
  list: (item) => {
    const at = item.indexOf("=");
    return at < 0 ? [item, null] : [item.slice(0, at), item.slice(at + 1)];
  },
  must: "must be a mapping",
  ...options,
});
export const map = (of: Shape, options: Options & { keys?: RegExp } = {}): Shape => ({
  is: "map",
  of,
  ...options,
});
export const struct = (
  fields: Fields,
  options: Options & Partial<Omit<Extract<Shape, { is: "struct" }>, "is" | "fields">> = {},
): Shape => ({ is: "struct", fields, ...options }) as Shape;
