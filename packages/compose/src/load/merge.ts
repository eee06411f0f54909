import { unique } from "../schema/canonical.ts";
import type { Shape } from "../schema/shape.ts";
import type { MergeTag } from "../yaml/parse.ts";

/** Lays a later canonical value over an earlier one. Neither is changed. */
export function merge(base: unknown, over: unknown, shape: Shape): unknown {
  if (base === undefined || base === null || shape.merge === "replace") return over;
  if (shape.is === "list" && Array.isArray(base) && Array.isArray(over)) {
    const all = [...base, ...over];
    return shape.key === undefined ? all : unique(all, shape.key as (item: unknown) => string);
  }
  if (!isObject(base) || !isObject(over)) return over;
  if (shape.is === "struct") {
    // Options of another log driver mean nothing to this one.
    if ("driver" in shape.fields && "options" in shape.fields && !("config" in shape.fields)) {
      if (base.driver !== undefined && over.driver !== undefined && base.driver !== over.driver) return over;
    }
    if ("single" in shape.fields) return over;
    const made: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(over)) {
      const field = shape.fields[key];
      made[key] = field === undefined || !Object.hasOwn(base, key) ? value : merge(base[key], value, field);
    }
    return made;
  }
  if (shape.is === "map") {
    const made: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(over)) {
      if (!Object.hasOwn(base, key)) made[key] = value;
      else if (shape.collect) made[key] = [...new Set([...(base[key] as string[]), ...(value as string[])])];
      else if (value === null && shape.of.is === "struct") made[key] = base[key];
      else made[key] = merge(base[key], value, shape.of);
    }
    return made;
  }
  return over;
}

/** Takes away what `!reset` and `!override` of a later file stand for. */
export function applyTags(value: unknown, tags: readonly MergeTag[]): unknown {
  let made = value;
  for (const { path } of tags) made = without(made, path);
  return made;
}

function without(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return undefined;
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  const made = { ...value };
  const inner = without(value[key], rest);
  if (inner === undefined) delete made[key];
  else made[key] = inner;
  return made;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
