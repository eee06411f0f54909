import { parseReference } from "@berth/spec";
import type { StagedDockerfile } from "../instruction/types.ts";
import type { Linter } from "../lint/linter.ts";
import { expand } from "../shell/expand.ts";
import { globalArgs, type VariableList } from "./variables.ts";

/** Warns of a FROM that is no image when nobody passes build arguments. Mistakes are left to whoever builds. */
export function checkDefaultBases(
  file: StagedDockerfile,
  base: VariableList,
  escapeToken: string,
  linter: Linter,
): void {
  let variables: VariableList;
  try {
    variables = globalArgs(base, file.globalArgs, {}, escapeToken).variables;
  } catch {
    return;
  }
  const names = new Set(file.stages.map((stage) => stage.name));
  for (const stage of file.stages) {
    if (!stage.baseName.includes("$") || names.has(stage.baseName)) continue;
    let value: string;
    try {
      value = expand(stage.baseName, variables, { escapeToken }).value;
    } catch {
      return;
    }
    try {
      parseReference(value);
    } catch {
      linter
        .withComments(stage.comments)
        .report(
          "InvalidDefaultArgInFrom",
          `Default value for ARG ${stage.baseName} results in empty or invalid base image name`,
          stage.range,
        );
    }
  }
}
