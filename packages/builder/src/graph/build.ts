import { BerthError, invalidParameter, messageOf, notFound } from "@berth/base";
import { formatReference, type Platform, parseReference, platformRank, withDefaultTag } from "@berth/spec";
import { IgnoreMatcher } from "@berth/spec/dockerignore";
import { readStages } from "../instruction/stages.ts";
import { checkFrom, checkStages } from "../lint/checks.ts";
import { Linter } from "../lint/linter.ts";
import { locate } from "../parse/error.ts";
import { parseDockerfile } from "../parse/parse.ts";
import type { ParsedDockerfile } from "../parse/statement.ts";
import { withSuggestion } from "../parse/suggest.ts";
import { checkDefaultBases } from "./default-bases.ts";
import { addTriggers } from "./onbuild.ts";
import type { BuildGraph, LintWarning, ResolvedImage } from "./operation.ts";
import type { GraphOptions } from "./options.ts";
import { StageBuilder } from "./stage-builder.ts";
import { type PlannedStage, StagePlan } from "./stage-plan.ts";
import { globalArgs, platformArgs } from "./variables.ts";

/**
 * Turns a Dockerfile into the graph of one target for one platform. Images are looked up only where the target needs them,
 * all at once.
 * @throws DockerfileError for what is wrong with the file, with its lines (`rangesOf`); what `resolveImageConfig` throws.
 */
export async function buildGraph(text: string, options: GraphOptions): Promise<BuildGraph> {
  if (text.length === 0) throw invalidParameter("the Dockerfile cannot be empty");
  const file = parseDockerfile(text);
  const linter = new Linter(options.lint ?? file.lint);
  return new GraphBuilder(file, options, linter).run();
}

/**
 * `--check`: what the lints find in all stages, or in what `target` needs. What keeps the file from being built is in
 * `error`, with the findings up to there.
 */
export async function lintDockerfile(
  text: string,
  options: GraphOptions,
): Promise<{ warnings: LintWarning[]; error?: unknown }> {
  const warnings: LintWarning[] = [];
  try {
    if (text.length === 0) throw invalidParameter("the Dockerfile cannot be empty");
    const file = parseDockerfile(text);
    const lint = { ...(options.lint ?? file.lint), error: false };
    const all = options.target === undefined || options.target === "";
    await new GraphBuilder(file, { ...options, allStages: all }, new Linter(lint, warnings)).run();
    return { warnings };
  } catch (error) {
    return { warnings, error };
  }
}

class GraphBuilder {
  readonly #file: ParsedDockerfile;
  readonly #options: GraphOptions;
  readonly #linter: Linter;
  readonly #images = new Map<string, ResolvedImage>();
  #plan!: StagePlan;

  constructor(file: ParsedDockerfile, options: GraphOptions, linter: Linter) {
    this.#file = file;
    this.#options = options;
    this.#linter = linter;
  }

  async run(): Promise<BuildGraph> {
    const { escapeToken } = this.#file;
    const options = this.#options;
    const linter = this.#linter;
    for (const range of this.#file.emptyContinuations) {
      linter.report("NoEmptyContinuation", "Empty continuation line", range);
    }
    const staged = readStages(this.#file, {
      stage: (name, as, { keyword, range, comments }) =>
        checkFrom(keyword, as, name, range, linter.withComments(comments)),
      instruction: ({ type, range, comments }) => {
        if (type !== "maintainer") return;
        linter
          .withComments(comments)
          .report(
            "MaintainerDeprecated",
            "Maintainer instruction is deprecated in favor of using label",
            range,
          );
      },
    });
    checkStages(staged, linter);
    const buildArgs = options.buildArgs ?? {};
    const targetName = options.target || staged.stages.at(-1)!.name;
    const base = platformArgs(options.buildPlatform, options.platform, targetName, buildArgs);
    checkDefaultBases(staged, base, escapeToken, linter);
    const globals = globalArgs(base, staged.globalArgs, buildArgs, escapeToken);
    this.#plan = new StagePlan(staged.stages, options, globals, escapeToken, linter);
    const target = this.#plan.target();
    const wanted = await this.#resolve(target);
    const excludes = options.excludes?.context ?? [];
    const builder = new StageBuilder({
      plan: this.#plan,
      options,
      globals: globals.variables,
      escapeToken,
      linter,
      ignore: excludes.length > 0 ? new IgnoreMatcher(excludes) : undefined,
    });
    for (const stage of this.#plan.stages) {
      if (wanted.has(stage)) builder.build(stage);
    }
    linter.check();
    return { ...builder.finish(target), warnings: linter.warnings, images: [...this.#images.values()] };
  }

  /** Looks up the images of all stages that are needed; ONBUILD triggers of what is found may need more. */
  async #resolve(target: PlannedStage): Promise<Set<PlannedStage>> {
    const targets = this.#options.allStages ? [target, ...this.#plan.stages] : [target];
    for (;;) {
      const reachable = this.#plan.reachable(targets);
      const abort = new AbortController();
      const outer = this.#options.signal;
      const signal = outer === undefined ? abort.signal : AbortSignal.any([outer, abort.signal]);
      const waits = [...reachable].map((stage) => this.#resolveStage(stage, signal));
      try {
        await Promise.all(waits);
      } catch (error) {
        abort.abort(error);
        await Promise.allSettled(waits);
        throw error;
      }
      let more = false;
      for (const stage of reachable) {
        if (addTriggers(stage, this.#plan)) more = true;
      }
      if (!more) return this.#plan.reachable(targets);
      this.#plan.checkCycles();
    }
  }

  async #resolveStage(stage: PlannedStage, signal: AbortSignal): Promise<void> {
    if (stage.image !== undefined || stage.base !== undefined) return;
    try {
      await this.#resolveImage(stage, signal);
    } catch (error) {
      throw locate(error, stage.range);
    }
  }

  async #resolveImage(stage: PlannedStage, signal: AbortSignal): Promise<void> {
    if (stage.context === undefined && stage.baseName === "scratch") return;
    const normal = stage.context?.value.kind === undefined ? this.#reference(stage) : "";
    if (stage.context === undefined) {
      const context = this.#plan.imageContext(
        stage.baseName,
        normal,
        normal.replace(/^docker\.io\/(library\/)?/, ""),
      );
      if (context !== undefined) stage.context = context;
    }
    const context = stage.context?.value;
    if (context?.kind === "files") return;
    if (context?.kind === "target") {
      const alias = this.#plan.stages.find((each) => each.name === context.name.toLowerCase());
      if (alias === undefined) {
        throw notFound(`target stage ${JSON.stringify(context.name)} could not be found`);
      }
      stage.base = alias;
      return;
    }
    const wanted = stage.platform ?? this.#options.platform;
    const reference =
      context === undefined ? normal : formatReference(withDefaultTag(parseReference(context.reference)));
    await this.#lookUp(stage, reference, wanted, context?.layout, signal);
  }

  #reference(stage: PlannedStage): string {
    try {
      return formatReference(withDefaultTag(parseReference(stage.baseName)));
    } catch (error) {
      throw invalidParameter(
        `failed to parse stage name ${JSON.stringify(stage.baseName)}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  async #lookUp(
    stage: PlannedStage,
    reference: string,
    wanted: Platform,
    layout: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    this.#options.onResolve?.(`[internal] load metadata for ${reference}`);
    try {
      const answer = await this.#options.resolveImageConfig(reference, wanted, {
        signal,
        ...(layout !== undefined && { layout }),
      });
      const { config } = answer;
      const actual: Platform = {
        os: config.os || wanted.os,
        architecture: config.architecture || wanted.architecture,
        ...(config.variant && { variant: config.variant }),
      };
      const fits = platformRank(wanted, actual) >= 0;
      const asked = stage.platform !== undefined || !this.#options.platformIsDefault;
      if (!fits && asked) {
        const detail = `Base image ${stage.baseName} was pulled with platform ${JSON.stringify(show(actual))}, expected ${JSON.stringify(show(wanted))} for current build`;
        this.#linter.report("InvalidBaseImagePlatform", detail, stage.range);
      }
      stage.image = { ...answer, platform: !fits && !asked ? actual : wanted };
      this.#images.set(`${answer.reference} ${show(wanted)}`, {
        reference: answer.reference,
        digest: answer.digest,
        platform: stage.image.platform,
      });
    } catch (error) {
      if (!(error instanceof BerthError) || error.kind === "cancelled") throw error;
      const names = this.#plan.stages.map((each) => each.name).filter((name) => name !== "");
      const message = withSuggestion(`${stage.baseName}: ${error.message}`, stage.baseName, names, true);
      throw new BerthError(error.kind, message, {
        cause: error,
        ...(error.hint !== undefined && { hint: error.hint }),
      });
    }
  }
}

const show = (platform: Platform) =>
  [platform.os, platform.architecture, platform.variant].filter((part) => part).join("/");
