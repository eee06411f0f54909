import { DockerfileError, locate } from "../parse/error.ts";
import type { ParsedDockerfile, Statement } from "../parse/statement.ts";
import { Flags } from "./flags.ts";
import { readInstruction } from "./read.ts";
import type { Instruction, InstructionOf, Stage, StagedDockerfile } from "./types.ts";

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

const NO_STAGE = "no build stage in current context";

/** What the lints hear of while FROM and MAINTAINER are read. */
export interface StageObserver {
  /** `name` and `as` as written. */
  stage?(name: string, as: string, statement: Statement): void;
  instruction?(instruction: Instruction): void;
}

/**
 * Sorts the instructions into stages.
 * @throws DockerfileError `dockerfile parse error on line N: …`.
 */
export function readStages(file: ParsedDockerfile, observer: StageObserver = {}): StagedDockerfile {
  const globalArgs: InstructionOf<"arg">[] = [];
  const stages: Stage[] = [];
  for (const statement of file.statements) {
    const keyword = statement.keyword.toLowerCase();
    try {
      if (keyword === "from") {
        stages.push(readFrom(statement, observer));
        continue;
      }
      const instruction = readInstruction(statement);
      observer.instruction?.(instruction);
      const stage = stages.at(-1);
      if (stage !== undefined) stage.instructions.push(instruction);
      else if (instruction.type === "arg") globalArgs.push(instruction);
      else throw new DockerfileError(NO_STAGE);
    } catch (error) {
      if (!(error instanceof DockerfileError)) throw error;
      if (error.message === NO_STAGE) throw locate(error, statement.range);
      const prefix = `dockerfile parse error on line ${statement.range.start}: `;
      throw locate(new DockerfileError(prefix + error.message, error.ranges, error), statement.range);
    }
  }
  if (stages.length === 0) throw new DockerfileError("dockerfile contains no stages to build");
  return { globalArgs, stages };
}

function readFrom(statement: Statement, observer: StageObserver): Stage {
  const { args } = statement;
  let name = "";
  if (args.length === 3 && args[1]!.toLowerCase() === "as") {
    name = args[2]!.toLowerCase();
    if (!STAGE_NAME.test(name)) {
      throw new DockerfileError(
        `invalid name for build stage: ${JSON.stringify(args[2])}, name can't start with a number or contain symbols`,
      );
    }
    observer.stage?.(args[2]!, args[1]!, statement);
  } else if (args.length !== 1) throw new DockerfileError("FROM requires either one or three arguments");
  const flags = new Flags(statement.flags, { platform: "text" });
  return {
    keyword: statement.keyword,
    baseName: args[0]!,
    name,
    platform: flags.text("platform"),
    code: statement.original.trim(),
    range: statement.range,
    comments: statement.comments,
    instructions: [],
  };
}
