import type { SourceRange } from "../graph/operation.ts";
import type { Instruction, Stage, StagedDockerfile } from "../instruction/types.ts";
import type { Linter } from "./linter.ts";

const RESERVED = new Set(["context", "scratch"]);
const SECRET_WORDS = "apikey|auth|credential|credentials|key|password|pword|passwd|secret|token";
const SECRET = new RegExp(`(?:_|^)(?:${SECRET_WORDS})(?:_|$)`, "i");
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** Checks that need no more than the instructions: names of stages, casing, descriptions. */
export function checkStages(file: StagedDockerfile, linter: Linter): void {
  const names = new Set<string>();
  for (const { name, range, comments } of file.stages) {
    if (name === "") continue;
    const own = linter.withComments(comments);
    if (RESERVED.has(name)) {
      own.report(
        "ReservedStageName",
        `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`,
        range,
      );
    }
    if (names.has(name)) {
      own.report(
        "DuplicateStageName",
        `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`,
        range,
      );
    }
    names.add(name);
  }
  checkCasing(file.stages, linter);
  checkDescriptions(file, linter);
}

/** `FROM` and `as`, `StageName`. */
export function checkFrom(
  keyword: string,
  as: string,
  name: string,
  range: SourceRange,
  linter: Linter,
): void {
  if (name !== name.toLowerCase()) {
    linter.report("StageNameCasing", `Stage name '${name}' should be lowercase`, range);
  }
  if (isUpper(keyword) ? !isUpper(as) : isLower(keyword) && !isLower(as)) {
    linter.report("FromAsCasing", `'${as}' and '${keyword}' keywords' casing do not match`, range);
  }
}

const isLower = (text: string) => text === text.toLowerCase();
const isUpper = (text: string) => text === text.toUpperCase();

function checkCasing(stages: readonly Stage[], linter: Linter): void {
  const all: (Stage | Instruction)[] = stages.flatMap((stage) => [stage, ...stage.instructions]);
  let lower = 0;
  let upper = 0;
  for (const { keyword } of all) {
    if (isLower(keyword)) lower++;
    else if (isUpper(keyword)) upper++;
  }
  const majorityLower = lower > upper;
  for (const { keyword, range, comments } of all) {
    if (majorityLower ? isLower(keyword) : isUpper(keyword)) continue;
    linter
      .withComments(comments)
      .report(
        "ConsistentInstructionCasing",
        `Command '${keyword}' should match the case of the command majority (${majorityLower ? "lowercase" : "uppercase"})`,
        range,
      );
  }
}

function checkDescriptions(file: StagedDockerfile, linter: Linter): void {
  for (const stage of file.stages) {
    describe("build stage", stage.name, stage.comments, stage.range, linter);
  }
  const instructions = [...file.globalArgs, ...file.stages.flatMap((stage) => stage.instructions)];
  for (const instruction of instructions) {
    if (instruction.type !== "arg") continue;
    for (const { name } of instruction.args) {
      describe("ARG", name, instruction.comments, instruction.range, linter);
    }
  }
}

function describe(
  kind: string,
  name: string,
  comments: readonly string[],
  range: SourceRange,
  linter: Linter,
): void {
  const text = comments.filter((comment) => !/^check\s*=/.test(comment));
  if (name === "" || text.length === 0 || text.some((comment) => comment.startsWith(`${name} `))) return;
  linter
    .withComments(comments)
    .report(
      "InvalidDefinitionDescription",
      `Comment for ${kind} should follow the format: \`# ${name} <description>\``,
      range,
    );
}

/** Names that look like secrets: they would stay in the image's configuration or history. */
export function checkSecretName(
  keyword: "ARG" | "ENV",
  name: string,
  range: SourceRange,
  linter: Linter,
): void {
  if (!SECRET.test(name) || NO_SECRET.test(name)) return;
  linter.report(
    "SecretsUsedInArgOrEnv",
    `Do not use ARG or ENV instructions for sensitive data (${keyword} ${JSON.stringify(name)})`,
    range,
  );
}
