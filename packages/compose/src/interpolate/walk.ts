import { invalidParameter, messageOf } from "@berth/base";
import { YamlDate } from "../yaml/date.ts";
import { InvalidTemplate, type Replacement, substitute } from "./template.ts";

/**
 * A copy of a value from YAML with the variables in its strings replaced. Keys stay.
 * @throws BerthError naming the place.
 */
export function interpolate(value: unknown, replacement: Replacement | undefined, path = ""): unknown {
  if (typeof value === "string") {
    if (replacement === undefined || !value.includes("$")) return value;
    try {
      return substitute(value, replacement);
    } catch (error) {
      if (error instanceof InvalidTemplate) {
        throw invalidParameter(
          `invalid interpolation format for ${path}.\nYou may need to escape any $ with another $.\n${error.message}`,
        );
      }
      throw invalidParameter(`error while interpolating ${path}: ${messageOf(error)}`);
    }
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, replacement, `${path}.[]`));
  if (value instanceof YamlDate) return value;
  if (typeof value === "object" && value !== null) {
    const made: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const place = path === "" ? key : `${path}.${key}`;
      made[key] = interpolate((value as Record<string, unknown>)[key], replacement, place);
    }
    return made;
  }
  return value;
}
