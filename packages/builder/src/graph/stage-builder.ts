import { normalisePlatform, type Platform } from "@berth/spec";
import type { IgnoreMatcher } from "@berth/spec/dockerignore";
import type { Instruction } from "../instruction/types.ts";
import type { Linter } from "../lint/linter.ts";
import { DockerfileError, locate } from "../parse/error.ts";
import { suggest } from "../parse/suggest.ts";
import { expand } from "../shell/expand.ts";
import { applyConfig, type Expander } from "./config-steps.ts";
import { applyCopy } from "./copy-step.ts";
import { displayText, StepNames } from "./names.ts";
import { NodeList } from "./node-list.ts";
import type { BuildGraph, NodeId, TargetImage } from "./operation.ts";
import type { GraphOptions } from "./options.ts";
import { resolvePath } from "./paths.ts";
import { proxyEnv } from "./proxy.ts";
import { applyRun } from "./run-step.ts";
import type { PlannedInstruction, PlannedStage, StagePlan } from "./stage-plan.ts";
import { SCAN_CONTEXT, SCAN_STAGE, StageState } from "./stage-state.ts";
import type { VariableList } from "./variables.ts";

const LAYERED = new Set<Instruction["type"]>(["run", "copy", "add", "workdir"]);
const UNSIGNED = /^\d{1,15}$/;

export interface StageBuilderOptions {
  plan: StagePlan;
  options: GraphOptions;
  globals: VariableList;
  escapeToken: string;
  linter: Linter;
  /** .dockerignore of the main context. */
  ignore: IgnoreMatcher | undefined;
}

/** Evaluates stages, in the order of the file, into nodes and configuration. */
export class StageBuilder {
  readonly #nodes = new NodeList();
  readonly #states = new Map<PlannedStage, StageState>();
  readonly #setup: StageBuilderOptions;
  readonly #buildArgs: Readonly<Record<string, string>>;

  constructor(setup: StageBuilderOptions) {
    this.#setup = setup;
    this.#buildArgs = setup.options.buildArgs ?? {};
  }

  /** @throws DockerfileError with the lines. */
  build(stage: PlannedStage): StageState {
    const known = this.#states.get(stage);
    if (known !== undefined) return known;
    const state = this.#start(stage);
    this.#states.set(stage, state);
    if (stage.index === undefined) return state;
    state.begin();
    const { globals } = this.#setup;
    for (const name of [SCAN_STAGE, SCAN_CONTEXT]) {
      state.scan(name, this.#buildArgs[name] ?? globals.get(name));
    }
    for (const planned of stage.instructions) {
      try {
        this.#apply(state, planned);
      } catch (error) {
        throw locate(error, planned.instruction.range);
      }
    }
    return state;
  }

  finish(target: PlannedStage): Omit<BuildGraph, "warnings" | "images"> {
    const state = this.build(target);
    const scanned = [...this.#states.values()].filter((each) => each.scans.stage && each !== state);
    const context = [...this.#states.values()].some((each) => each.scans.context)
      ? this.#nodes.known("context")
      : undefined;
    const { nodes, target: node, ids } = this.#nodes.finish(state.node);
    const scans = [
      ...scanned.map((each) => ({ name: each.stage.label, node: each.node })),
      ...(context === undefined ? [] : [{ name: "context", node: context }]),
    ].flatMap(({ name, node: id }) => (ids.has(id) ? [{ name, node: ids.get(id)! }] : []));
    const epoch = this.#buildArgs.SOURCE_DATE_EPOCH ?? this.#setup.globals.get("SOURCE_DATE_EPOCH");
    if (epoch !== undefined && epoch !== "" && !UNSIGNED.test(epoch)) {
      throw new DockerfileError(`invalid SOURCE_DATE_EPOCH: ${epoch}`);
    }
    return {
      nodes,
      target: node,
      image: this.#image(state),
      scans,
      ...(epoch !== undefined && epoch !== "" && { sourceDateEpoch: Number(epoch) }),
    };
  }

  #image(state: StageState): TargetImage {
    const { labels, platform, platformIsDefault } = this.#setup.options;
    const { config } = state;
    if (labels !== undefined && Object.keys(labels).length > 0)
      config.Labels = { ...config.Labels, ...labels };
    return {
      platform: normalisePlatform(platformIsDefault ? state.imagePlatform : platform),
      ...(state.author !== undefined && { author: state.author }),
      config,
      history: state.history,
      inheritedHistory: state.inheritedHistory,
      ...(state.base !== undefined && { base: state.base }),
    };
  }

  /** The state before a stage's first instruction. */
  #start(stage: PlannedStage): StageState {
    const { options } = this.#setup;
    const names = new StepNames(stage.label, options.multiPlatform ?? false);
    names.total = stage.instructions.filter(({ instruction }) => LAYERED.has(instruction.type)).length;
    if (stage.base !== undefined) {
      const base = this.build(stage.base);
      const state = new StageState(stage, base.platform, base.node, names);
      state.inherit(base);
      return state;
    }
    const platform = stage.image?.platform ?? stage.platform ?? options.platform;
    const { context, image } = stage;
    if (image !== undefined) {
      if (stage.index !== undefined && context === undefined) names.total++;
      return this.#fromImage(stage, platform, names, image);
    }
    const id =
      context?.value.kind === "files"
        ? this.#local(context.name)
        : this.#nodes.add({ type: "scratch", name: "[internal] scratch" });
    const state = new StageState(stage, platform, id, names);
    state.config = { WorkingDir: "/" };
    return state;
  }

  #fromImage(
    stage: PlannedStage,
    platform: Platform,
    names: StepNames,
    image: NonNullable<PlannedStage["image"]>,
  ): StageState {
    const { reference, digest, config } = image;
    const layout = stage.context?.value.kind === "image" ? stage.context.value.layout : undefined;
    const name =
      stage.context === undefined
        ? names.next(`FROM ${reference}`, platform)
        : `[context ${stage.context.name}] ${reference}`;
    const id =
      config.rootfs.diff_ids.length === 0
        ? this.#nodes.add({ type: "scratch", name })
        : this.#nodes.add({
            type: "image",
            name,
            location: stage.range,
            stage: stage.label,
            reference,
            digest,
            platform,
            diffIds: [...config.rootfs.diff_ids],
            ...(layout !== undefined && { layout }),
          });
    const state = new StageState(stage, platform, id, names);
    state.config = { ...structuredClone(config.config ?? {}), OnBuild: null };
    if (state.config.WorkingDir) state.config.WorkingDir = resolvePath("/", state.config.WorkingDir, false);
    if (config.author) state.author = config.author;
    state.history = [...(config.history ?? [])];
    state.inheritedHistory = state.history.length;
    state.base = { reference, digest };
    if (config.architecture && config.os) {
      state.imagePlatform = {
        os: config.os,
        architecture: config.architecture,
        ...(config.variant && { variant: config.variant }),
      };
    }
    return state;
  }

  #local(name: string | undefined): NodeId {
    const excludes = this.#setup.options.excludes ?? {};
    const key = name ?? "context";
    const shown = name === undefined ? "[internal] load build context" : `[context ${name}] load from client`;
    return this.#nodes.local(key, shown, Object.hasOwn(excludes, key) ? excludes[key]! : []);
  }

  #apply(state: StageState, planned: PlannedInstruction): void {
    const { instruction, sources, onbuild } = planned;
    const { escapeToken, options } = this.#setup;
    const linter = this.#setup.linter.withComments(instruction.comments);
    const expander = this.#expander(state, instruction, linter);
    switch (instruction.type) {
      case "run":
        applyRun(state, instruction, {
          nodes: this.#nodes,
          escapeToken,
          expand: expander.word,
          source: (at, flag) => {
            const source = sources[at];
            return source === undefined
              ? this.#local(undefined)
              : this.#sourceNode(
                  state,
                  source,
                  () =>
                    `cannot mount from stage ${JSON.stringify(flag.from)} to ${JSON.stringify(flag.target)}, stage needs to be defined before current command`,
                );
          },
          proxyEnv: proxyEnv(this.#buildArgs),
          network: options.network ?? "default",
          hostname: this.#buildArgs.BUILDKIT_SANDBOX_HOSTNAME,
          cacheNamespace: this.#buildArgs.BUILDKIT_CACHE_MOUNT_NS ?? "",
          onbuild,
        });
        return;
      case "copy":
      case "add": {
        const [source] = sources;
        applyCopy(state, instruction, {
          nodes: this.#nodes,
          escapeToken,
          expand: expander.word,
          source: () =>
            source === undefined
              ? this.#local(undefined)
              : this.#sourceNode(
                  state,
                  source,
                  () =>
                    `cannot copy from stage ${JSON.stringify(instruction.type === "copy" ? instruction.from : "")}, it needs to be defined before current stage ${JSON.stringify(state.stage.label)}`,
                ),
          ignore: source === undefined ? this.#setup.ignore : undefined,
          linter,
          onbuild,
          severalNeedSlash: options.severalNeedSlash ?? false,
        });
        return;
      }
      case "workdir":
        this.#workdir(state, expander.word(instruction.value), planned, linter);
        return;
      default:
        applyConfig(state, instruction, expander, linter);
    }
  }

  #sourceNode(state: StageState, source: PlannedStage, tooLate: () => string): NodeId {
    const own = state.stage.index ?? 0;
    if (source.index !== undefined && source.index >= own) throw new DockerfileError(tooLate());
    return this.build(source).node;
  }

  #workdir(state: StageState, path: string, planned: PlannedInstruction, linter: Linter): void {
    const { instruction, onbuild } = planned;
    if (!state.workdirSet && !path.startsWith("/")) {
      linter.report(
        "WorkdirRelativePath",
        `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`,
        instruction.range,
      );
    }
    state.workdirSet = true;
    const folder = resolvePath(state.workdir, path, false);
    state.config.WorkingDir = folder;
    if (folder !== "/") {
      const text = displayText(instruction.code, state.variables, this.#setup.escapeToken);
      const id = this.#nodes.add({
        type: "mkdir",
        name: state.names.next(text, state.platform, { variables: state.variables, onbuild }),
        location: instruction.range,
        stage: state.stage.label,
        ...(state.stage.ignoreCache && { ignoreCache: true as const }),
        base: state.node,
        path: folder,
        user: state.config.User ?? "",
      });
      this.#nodes.use(state.node, "/");
      state.node = id;
    }
    state.commit(`WORKDIR ${folder}`, folder !== "/");
  }

  #expander(state: StageState, instruction: Instruction, linter: Linter): Expander {
    const { escapeToken, globals } = this.#setup;
    const run = (text: string) => {
      const found = expand(text, state.variables, { escapeToken });
      for (const name of found.missing) {
        if (state.buildArgs.some((arg) => arg.name === name)) continue;
        const meant = suggest(name, state.variables.keys(), true);
        linter.report(
          "UndefinedVar",
          `Usage of undefined variable '$${name}'${meant === undefined ? "" : ` (did you mean $${meant}?)`}`,
          instruction.range,
        );
      }
      return found;
    };
    return {
      word: (text) => run(text).value,
      words: (text) => run(text).words,
      global: (name) => globals.get(name),
      buildArg: (name) => (Object.hasOwn(this.#buildArgs, name) ? this.#buildArgs[name] : undefined),
    };
  }
}
