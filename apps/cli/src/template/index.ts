import { BUILTINS, DOCKER_FUNCTIONS, type TemplateFunction } from "./builtins.ts";
import { evaluate } from "./evaluate.ts";
import type { Template } from "./nodes.ts";
import { parseTemplate } from "./parser.ts";

export type { TemplateFunction } from "./builtins.ts";
export { TemplateError } from "./error.ts";
export { mapsFromJson, structsFromJson } from "./from-json.ts";
export type { Template } from "./nodes.ts";
export { Struct, toJson } from "./values.ts";

const NAMES: ReadonlySet<string> = new Set([
  "and",
  "or",
  ...Object.keys(BUILTINS),
  ...Object.keys(DOCKER_FUNCTIONS),
]);

/** Parses a Go template with Docker's functions. @throws TemplateError */
export function parse(source: string): Template {
  return parseTemplate(source, NAMES);
}

/** Runs a parsed template. `functions` replace Docker's of the same name. @throws TemplateError */
export function execute(
  template: Template,
  data: unknown,
  options: { missingKeyIsError?: boolean; functions?: Readonly<Record<string, TemplateFunction>> } = {},
): string {
  return evaluate(template, data, {
    functions: { ...DOCKER_FUNCTIONS, ...options.functions },
    ...(options.missingKeyIsError && { missingKeyIsError: true }),
  });
}
