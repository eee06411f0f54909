import { InvalidTemplate, substitute, type VariableUse } from "../interpolate/template.ts";
import { parseYaml } from "../yaml/parse.ts";
import { findFiles } from "./find.ts";
import type { LoadOptions } from "./options.ts";
import { readText } from "./source.ts";

/** The variables that a project's own files use, in the order they stand there. @throws BerthError */
export async function projectVariables(options: LoadOptions): Promise<VariableUse[]> {
  const { workingDirectory: current } = options;
  const { files } = findFiles(
    options.files,
    options.projectDirectory ?? current,
    current,
    options.environment,
  );
  const standardInput = files.includes("-") ? await options.readStandardInput?.() : undefined;
  const uses: VariableUse[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === "string") {
      try {
        substitute(value, { lookup: () => undefined, found: (use) => uses.push(use) });
      } catch (error) {
        if (!(error instanceof InvalidTemplate)) throw error;
      }
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
  };
  for (const file of files) {
    for (const { value } of parseYaml(readText(file, { standardInput }))) walk(value);
  }
  return uses;
}
