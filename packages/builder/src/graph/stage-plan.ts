import { type Platform, parsePlatform } from "@berth/spec";
import { readMount } from "../instruction/mount.ts";
import type { Instruction, Stage } from "../instruction/types.ts";
import type { Linter } from "../lint/linter.ts";
import { DockerfileError, locate } from "../parse/error.ts";
import { suggest, withSuggestion } from "../parse/suggest.ts";
import { expand } from "../shell/expand.ts";
import type { ImageConfigAnswer, SourceRange } from "./operation.ts";
import type { GraphOptions, NamedContext } from "./options.ts";
import type { VariableList } from "./variables.ts";

/** A stage of the file, or an image that COPY, ADD or a mount names: what a build can start from or copy from. */
export interface PlannedStage {
  /** Position in the file; images and contexts that only `--from` names have none. */
  index?: number;
  /** As progress shows it: its name, or `stage-0`. */
  label: string;
  name: string;
  /** After variables. */
  baseName: string;
  range: SourceRange;
  /** `--platform`. */
  platform?: Platform;
  /** Stage of the file that it starts from. */
  base?: PlannedStage;
  /** A named context stands in for it. */
  context?: { name: string; value: NamedContext };
  instructions: PlannedInstruction[];
  ignoreCache: boolean;
  onbuildDone: boolean;
  /** The base image, when it is one and was looked up. */
  image?: ImageConfigAnswer & { platform: Platform };
}

export interface PlannedInstruction {
  instruction: Instruction;
  onbuild: boolean;
  /** COPY: one; RUN: one for each mount, undefined for those without `from`. */
  sources: (PlannedStage | undefined)[];
}

/** Who needs whom among the stages of a file. Nothing is looked up yet. */
export class StagePlan {
  readonly stages: PlannedStage[] = [];
  readonly #byName = new Map<string, PlannedStage>();
  /** Images and contexts that only `--from` names. */
  readonly #foreign = new Map<string, PlannedStage>();
  readonly #options: GraphOptions;
  readonly #escapeToken: string;

  constructor(
    stages: readonly Stage[],
    options: GraphOptions,
    globals: { variables: VariableList; declared: ReadonlySet<string> },
    escapeToken: string,
    linter: Linter,
  ) {
    this.#options = options;
    this.#escapeToken = escapeToken;
    for (const [index, stage] of stages.entries()) {
      try {
        this.#add(index, stage, globals, linter.withComments(stage.comments));
      } catch (error) {
        throw locate(error, stage.range);
      }
    }
    for (const [index, stage] of stages.entries()) {
      const planned = this.stages[index]!;
      // What a named context replaces is not built.
      if (planned.context !== undefined) continue;
      planned.instructions = stage.instructions.map((each) => this.plan(each, false));
    }
    this.checkCycles();
    if (this.stages.length === 1 && this.#foreign.size === 0) this.stages[0]!.label = "";
  }

  /** @throws DockerfileError `target stage "x" could not be found`. */
  target(): PlannedStage {
    const { target } = this.#options;
    if (target === undefined || target === "") return this.stages.at(-1)!;
    const found = this.#find(target);
    if (found !== undefined) return found;
    const names = this.stages.map((stage) => stage.name || `stage-${stage.index}`);
    throw new DockerfileError(
      withSuggestion(`target stage ${JSON.stringify(target)} could not be found`, target, names, true),
    );
  }

  /** The stages that `target` needs, itself included. */
  reachable(targets: readonly PlannedStage[]): Set<PlannedStage> {
    const found = new Set<PlannedStage>();
    const wait = [...targets];
    for (let stage = wait.pop(); stage !== undefined; stage = wait.pop()) {
      if (found.has(stage)) continue;
      found.add(stage);
      wait.push(...dependencies(stage).map((each) => each.stage));
    }
    return found;
  }

  /** Finds what an instruction's `--from` and mounts name. @throws DockerfileError. */
  plan(instruction: Instruction, onbuild: boolean): PlannedInstruction {
    try {
      return { instruction, onbuild, sources: this.#sources(instruction) };
    } catch (error) {
      throw locate(error, instruction.range);
    }
  }

  /** Again for stages that got ONBUILD triggers. @throws DockerfileError. */
  checkCycles(): void {
    const done = new Set<PlannedStage>();
    for (const stage of this.stages) refuseCycle(stage, done);
  }

  #find(name: string): PlannedStage | undefined {
    const named = this.#byName.get(name.toLowerCase());
    if (named !== undefined) return named;
    return /^\d{1,6}$/.test(name) ? this.stages[Number(name)] : undefined;
  }

  #add(
    index: number,
    stage: Stage,
    globals: { variables: VariableList; declared: ReadonlySet<string> },
    linter: Linter,
  ): void {
    const known = new Set([...globals.declared, ...globals.variables.keys()]);
    const evaluate = (text: string) => {
      const found = expand(text, globals.variables, { escapeToken: this.#escapeToken });
      for (const name of found.missing) {
        if (known.has(name)) continue;
        const meant = suggest(name, known, true);
        linter.report(
          "UndefinedArgInFrom",
          `FROM argument '${name}' is not declared${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
          stage.range,
        );
      }
      return found;
    };
    const baseName = evaluate(stage.baseName).value;
    if (baseName === "") throw new DockerfileError(`base name (${stage.baseName}) should not be blank`);
    const filter = this.#options.noCacheFilter ?? [];
    const planned: PlannedStage = {
      index,
      label: stage.name || `stage-${index}`,
      name: stage.name,
      baseName,
      range: stage.range,
      instructions: [],
      ignoreCache: filter.some((each) => each.toLowerCase() === (stage.name || String(index))),
      onbuildDone: false,
    };
    if (stage.platform !== "") {
      const { value, used, missing } = evaluate(stage.platform);
      planned.platform = readPlatform(stage.platform, value, missing, globals.variables);
      checkPlatform(stage, value, { used, missing }, globals.variables, linter);
    }
    const context = stage.name === "" ? undefined : this.#namedContext(stage.name);
    if (context !== undefined) planned.context = context;
    else {
      const base = this.#byName.get(baseName) ?? this.#byName.get(baseName.toLowerCase());
      if (base !== undefined) planned.base = base;
    }
    this.stages.push(planned);
    if (stage.name !== "") this.#byName.set(stage.name, planned);
  }

  #namedContext(name: string): PlannedStage["context"] {
    const lower = name.toLowerCase();
    if (lower === "scratch" || lower === "context") return undefined;
    const contexts = this.#options.namedContexts ?? {};
    for (const key of [name, lower]) {
      const value = Object.hasOwn(contexts, key) ? contexts[key] : undefined;
      if (value !== undefined) return { name: key, value };
    }
    return undefined;
  }

  /** The named context that takes the place of an image, by any of its names. */
  imageContext(...names: string[]): PlannedStage["context"] {
    for (const name of names) {
      const found = this.#namedContext(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #sources(instruction: Instruction): (PlannedStage | undefined)[] {
    if (instruction.type === "copy" && instruction.from !== "") {
      const { from } = instruction;
      if (expand(from, { get: () => undefined, keys: () => [] }).value !== from) {
        throw new DockerfileError(
          "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
        );
      }
      if (/^[+-]?\d+$/.test(from)) {
        const stage = this.stages[Number(from)];
        if (stage === undefined) throw new DockerfileError(`invalid stage index ${Number(from)}`);
        return [stage];
      }
      return [this.#source(from, instruction.range)];
    }
    if (instruction.type !== "run") return [];
    return instruction.flags.mounts.map((text) => {
      const { from, type } = readMount(text);
      return from === "" || type === "tmpfs" ? undefined : this.#source(from, instruction.range);
    });
  }

  #source(name: string, range: SourceRange): PlannedStage {
    const known = this.#byName.get(name.toLowerCase()) ?? this.#foreign.get(name);
    if (known !== undefined) return known;
    const context = this.#namedContext(name);
    const foreign: PlannedStage = {
      label: "",
      name: "",
      baseName: name,
      range,
      instructions: [],
      ignoreCache: false,
      onbuildDone: true,
      ...(context !== undefined && { context }),
    };
    this.#foreign.set(name, foreign);
    return foreign;
  }
}

/** Without recursion: a file may have thousands of stages. `done`: those that lead into no circle. */
function refuseCycle(start: PlannedStage, done: Set<PlannedStage>): void {
  const path: { stage: PlannedStage; rest: ReturnType<typeof dependencies>; range?: SourceRange }[] = [];
  const onPath = new Set<PlannedStage>();
  const enter = (stage: PlannedStage, range?: SourceRange) => {
    path.push({ stage, rest: dependencies(stage).reverse(), ...(range && { range }) });
    onPath.add(stage);
  };
  if (!done.has(start)) enter(start);
  for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
    const next = frame.rest.pop();
    if (next === undefined) {
      path.pop();
      onPath.delete(frame.stage);
      done.add(frame.stage);
    } else if (onPath.has(next.stage)) {
      const ranges = path.flatMap(({ range }) => range ?? []);
      throw new DockerfileError(`circular dependency detected on stage: ${next.stage.label}`, [
        ...ranges,
        ...(next.range ? [next.range] : []),
      ]);
    } else if (!done.has(next.stage)) enter(next.stage, next.range);
  }
}

/** What a stage needs to be built first. */
export function dependencies(stage: PlannedStage): { stage: PlannedStage; range?: SourceRange }[] {
  const found: { stage: PlannedStage; range?: SourceRange }[] = [];
  if (stage.base !== undefined) found.push({ stage: stage.base });
  for (const { instruction, sources } of stage.instructions) {
    for (const source of sources) {
      if (source !== undefined) found.push({ stage: source, range: instruction.range });
    }
  }
  return found;
}

function readPlatform(
  written: string,
  value: string,
  missing: ReadonlySet<string>,
  globals: VariableList,
): Platform {
  const hint = (message: string) => {
    for (const name of missing) {
      const better = withSuggestion(message, name, globals.keys(), true);
      if (better !== message) return better;
    }
    return message;
  };
  if (value === "") throw new DockerfileError(hint(`empty platform value from expression ${written}`));
  try {
    return parsePlatform(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DockerfileError(hint(`failed to parse platform ${written}: ${reason}`));
  }
}

function checkPlatform(
  stage: Stage,
  value: string,
  names: { used: ReadonlySet<string>; missing: ReadonlySet<string> },
  globals: VariableList,
  linter: Linter,
): void {
  const { used, missing } = names;
  if (used.size === 1 && missing.size === 0 && used.has("TARGETPLATFORM")) {
    if (value === globals.get("TARGETPLATFORM")) {
      linter.report(
        "RedundantTargetPlatform",
        `Setting platform to predefined ${stage.platform} in FROM is redundant as this is the default behavior`,
        stage.range,
      );
    }
  }
  if (used.size > 0 || missing.size > 0) return;
  const { os, architecture } = parsePlatform(value);
  if (stage.name.includes(os) || stage.name.includes(architecture)) return;
  linter.report(
    "FromPlatformFlagConstDisallowed",
    `FROM --platform flag should not use constant value ${JSON.stringify(value)}`,
    stage.range,
  );
}
