import { readInstruction } from "../instruction/read.ts";
import { DockerfileError, locate } from "../parse/error.ts";
import { parseDockerfile } from "../parse/parse.ts";
import type { PlannedStage, StagePlan } from "./stage-plan.ts";

/**
 * Puts the ONBUILD instructions of a stage's base in front of its own, once. True when they need stages or images that
 * nobody needed before.
 * @throws DockerfileError when one of them is none.
 */
export function addTriggers(stage: PlannedStage, plan: StagePlan): boolean {
  if (stage.onbuildDone) return false;
  stage.onbuildDone = true;
  const texts =
    stage.base === undefined
      ? (stage.image?.config.config?.OnBuild ?? [])
      : stage.base.instructions.flatMap(({ instruction }) =>
          instruction.type === "onbuild" ? [instruction.expression] : [],
        );
  let more = false;
  const planned = texts.map((text) => {
    try {
      const { statements } = parseDockerfile(text);
      const [statement] = statements;
      if (statements.length !== 1 || statement === undefined) {
        throw new DockerfileError("onbuild trigger should be a single expression");
      }
      if (/^(from|onbuild|maintainer)$/i.test(statement.keyword)) {
        throw new DockerfileError(`${statement.keyword.toUpperCase()} isn't allowed as an ONBUILD trigger`);
      }
      statement.range = stage.range;
      const each = plan.plan(readInstruction(statement), true);
      if (each.sources.some((source) => source !== undefined)) more = true;
      return each;
    } catch (error) {
      // Lines of the trigger are no lines of this file.
      if (error instanceof DockerfileError) {
        throw locate(new DockerfileError(error.message, [], error), stage.range);
      }
      throw error;
    }
  });
  stage.instructions = [...planned, ...stage.instructions];
  return more;
}
