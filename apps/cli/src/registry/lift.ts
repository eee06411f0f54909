import { Struct } from "../template/index.ts";

/** Go's names of fields that are not simply the JSON's with a capital. */
const GO_NAMES: Readonly<Record<string, string>> = {
  os: "OS",
  "os.version": "OSVersion",
  "os.features": "OSFeatures",
  rootfs: "RootFS",
  diff_ids: "DiffIDs",
  created_by: "CreatedBy",
  empty_layer: "EmptyLayer",
  urls: "URLs",
  sbom: "SBOM",
};
/** Objects whose keys are the user's. */
const MAPS = new Set(["annotations", "Labels", "Volumes", "ExposedPorts"]);

/**
 * JSON as a template sees it: objects are structs with Go's names of their fields, except for maps (whose keys have
 * slashes or are the user's). `hidden`: fields that can be read but are not in the JSON.
 */
export function lift(
  value: Readonly<Record<string, unknown>>,
  type: string,
  hidden: Readonly<Record<string, unknown>> = {},
): Struct | Map<string, unknown> {
  const keys = Object.keys(value);
  if (keys.length > 0 && keys.every((key) => key.includes("/"))) return mapOf(value);
  const names: Record<string, string> = {};
  const fields: Record<string, unknown> = {};
  for (const key of keys) {
    fields[key] = liftAny(value[key], key);
    const name = GO_NAMES[key] ?? key[0]?.toUpperCase() + key.slice(1);
    if (name !== key) names[name] = key;
  }
  return new Struct(type, fields, hidden, names);
}

function liftAny(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((each) => liftAny(each, key));
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  return MAPS.has(key) ? mapOf(object) : lift(object, key);
}

function mapOf(value: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const entries = Object.entries(value).map(([key, each]) => [key, liftAny(each, "")] as const);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
