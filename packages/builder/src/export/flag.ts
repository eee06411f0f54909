import { invalidParameter } from "@berth/base";
import { parseBool } from "../parse/directives.ts";

/** A switch among an exporter's attributes; a name without a value is true. @throws invalid-parameter */
export function flagOf(
  attributes: Readonly<Record<string, string>>,
  name: string,
  fallback: boolean,
): boolean {
  const text = attributes[name];
  if (text === undefined) return fallback;
  if (text === "") return true;
  const value = parseBool(text);
  if (value === undefined) throw invalidParameter(`non-bool value ${text} specified for ${name}`);
  return value;
}
