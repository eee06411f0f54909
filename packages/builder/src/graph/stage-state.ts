import type { ImageHistory, ImageRuntimeConfig, Platform } from "@berth/spec";
import type { ArgDefinition } from "../instruction/types.ts";
import { parseBool } from "../parse/directives.ts";
import { DockerfileError } from "../parse/error.ts";
import type { StepNames } from "./names.ts";
import type { NodeId, SourceRange } from "./operation.ts";
import type { PlannedStage } from "./stage-plan.ts";
import { VariableList } from "./variables.ts";

/** BuildKit's mark on history entries; tools tell builders apart by it. */
const HISTORY_COMMENT = "buildkit.dockerfile.v0";
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Characters; a configuration may have 8 MiB. */
const MAX_HISTORY = 7 << 20;

/** Arguments that say of what an SBOM tells beside the result. */
export const SCAN_CONTEXT = "BUILDKIT_SBOM_SCAN_CONTEXT";
export const SCAN_STAGE = "BUILDKIT_SBOM_SCAN_STAGE";

/** What instructions change, one after the other. */
export class StageState {
  readonly stage: PlannedStage;
  readonly platform: Platform;
  readonly names: StepNames;
  node: NodeId;
  config: ImageRuntimeConfig = {};
  author: string | undefined;
  history: ImageHistory[] = [];
  inheritedHistory = 0;
  /** What RUN sees: ENV and ARG. */
  variables = new VariableList();
  /** ARGs of the stage and of those it starts from, in order. */
  buildArgs: ArgDefinition[] = [];
  workdirSet = false;
  /** Platform of the image at the bottom, as its configuration says. */
  imagePlatform: Platform;
  base: { reference: string; digest: `sha256:${string}` } | undefined;
  /** Last CMD, ENTRYPOINT and HEALTHCHECK of this stage. */
  readonly last = new Map<string, SourceRange>();

  #historyLength = 0;
  /** An SBOM tells of this stage, and of the context, too. */
  readonly scans = { stage: false, context: false };

  constructor(stage: PlannedStage, platform: Platform, node: NodeId, names: StepNames) {
    this.stage = stage;
    this.platform = platform;
    this.imagePlatform = platform;
    this.node = node;
    this.names = names;
  }

  /** Takes over what another stage has come to. ONBUILD is not inherited. */
  inherit(from: StageState): void {
    this.config = structuredClone(from.config);
    this.config.OnBuild = null;
    this.author = from.author;
    this.history = [...from.history];
    this.inheritedHistory = from.inheritedHistory;
    this.#historyLength = from.#historyLength;
    this.variables = from.variables.clone();
    this.buildArgs = [...from.buildArgs];
    this.workdirSet = from.workdirSet;
    this.imagePlatform = from.imagePlatform;
    this.base = from.base;
  }

  /** Before the first instruction: PATH is always there, and ENV of the image is what variables start with. */
  begin(): void {
    const env = this.config.Env ?? [];
    if (!env.some((each) => each.startsWith("PATH=")) && this.platform.os !== "windows") {
      this.config.Env = [...env, `PATH=${DEFAULT_PATH}`];
    }
    for (const text of this.config.Env ?? []) {
      const equals = text.indexOf("=");
      if (equals > 0) this.variables.set(text.slice(0, equals), text.slice(equals + 1));
    }
  }

  /** `value`: a switch, or the stages that it is meant for. */
  scan(name: string, value: string | undefined): void {
    if (value === undefined) return;
    const on = parseBool(value) ?? value.split(",").includes(this.stage.name || String(this.stage.index));
    this.scans[name === SCAN_STAGE ? "stage" : "context"] = on;
  }

  /** @throws DockerfileError when the history would be too long for an image's configuration. */
  commit(createdBy: string, layer: boolean): void {
    this.#historyLength += createdBy.length;
    if (this.#historyLength > MAX_HISTORY) throw new DockerfileError("the image's history is too long");
    this.history.push({
      created_by: createdBy,
      comment: HISTORY_COMMENT,
      ...(!layer && { empty_layer: true }),
    });
  }

  get workdir(): string {
    return this.config.WorkingDir || "/";
  }

  /** A shell in front of the shell form. */
  shellOf(words: readonly string[]): string[] {
    const { Shell: shell } = this.config;
    const front = shell && shell.length > 0 ? shell : defaultShell(this.imagePlatform.os);
    return [...front, words.join(" ")];
  }
}

const defaultShell = (os: string) => (os === "windows" ? ["cmd", "/S", "/C"] : ["/bin/sh", "-c"]);
