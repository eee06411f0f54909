import { parseSignal } from "@berth/linux";
import { formatGoDuration } from "@berth/spec";
import type { Instruction, InstructionOf } from "../instruction/types.ts";
import { checkSecretName } from "../lint/checks.ts";
import type { Linter } from "../lint/linter.ts";
import { DockerfileError } from "../parse/error.ts";
import { goQuote } from "../parse/print.ts";
import { hasMapping, parseExpose } from "./expose.ts";
import { SCAN_CONTEXT, SCAN_STAGE, type StageState } from "./stage-state.ts";

/** Expands one word, or one list of words, with the variables of the moment. */
export interface Expander {
  word(text: string): string;
  words(text: string): string[];
  /** Of ARG, in any order with the ones that are not set. */
  global(name: string): string | undefined;
  buildArg(name: string): string | undefined;
}

/** The builder reads them itself and keeps them from the steps. */
const HIDDEN_ARGS: ReadonlySet<string> = new Set([SCAN_CONTEXT, SCAN_STAGE]);

/** The instructions that change nothing but the configuration. False: it is none of them. */
export function applyConfig(
  state: StageState,
  instruction: Instruction,
  expander: Expander,
  linter: Linter,
): boolean {
  const { config } = state;
  switch (instruction.type) {
    case "arg":
      applyArg(state, instruction, expander, linter);
      return true;
    case "env": {
      const pairs = expandPairs(instruction, expander);
      for (const { name, value } of pairs) {
        legacy(instruction, linter);
        checkSecretName("ENV", name, instruction.range, linter);
        state.variables.set(name, value);
        config.Env = setEnv(config.Env ?? [], name, value);
      }
      state.commit(`ENV ${pairs.map(({ name, value }) => `${name}=${value}`).join(" ")}`, false);
      return true;
    }
    case "label": {
      const pairs = expandPairs(instruction, expander);
      config.Labels ??= {};
      for (const { name, value } of pairs) {
        legacy(instruction, linter);
        Object.defineProperty(config.Labels, name, {
          value,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      state.commit(`LABEL ${pairs.map(({ name, value }) => `${name}=${value}`).join(" ")}`, false);
      return true;
    }
    case "cmd":
    case "entrypoint":
      applyCommand(state, instruction, linter);
      return true;
    case "healthcheck": {
      usedOnce(state, instruction, linter);
      const { health } = instruction;
      config.Healthcheck = health;
      const fields = [
        `Test:[${(health.Test ?? []).join(" ")}]`,
        ...(["Interval", "Timeout", "StartPeriod", "StartInterval"] as const).map(
          (key) => `${key}:${formatGoDuration(health[key] ?? 0)}`,
        ),
        `Retries:${health.Retries ?? 0}`,
      ];
      state.commit(`HEALTHCHECK {${fields.join(" ")}}`, false);
      return true;
    }
    case "expose":
      applyExpose(state, instruction, expander, linter);
      return true;
    case "volume": {
      const paths = instruction.paths.map((path) => expander.word(path));
      if (paths.includes("")) throw new DockerfileError("VOLUME specified can not be an empty string");
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
      state.commit(`VOLUME [${paths.join(" ")}]`, false);
      return true;
    }
    case "shell":
      config.Shell = instruction.shell;
      state.commit(`SHELL [${instruction.shell.join(" ")}]`, false);
      return true;
    case "onbuild":
      config.OnBuild = [...(config.OnBuild ?? []), instruction.expression];
      return true;
    case "user": {
      const user = expander.word(instruction.value);
      config.User = user;
      state.commit(`USER ${user}`, false);
      return true;
    }
    case "stopsignal": {
      const signal = expander.word(instruction.value);
      if (parseSignal(signal) === undefined) throw new DockerfileError(`invalid signal: ${signal}`);
      config.StopSignal = signal;
      state.commit(`STOPSIGNAL ${signal}`, false);
      return true;
    }
    case "maintainer":
      state.author = instruction.value;
      state.commit(`MAINTAINER ${instruction.value}`, false);
      return true;
    default:
      return false;
  }
}

function expandPairs(instruction: InstructionOf<"env" | "label">, expander: Expander) {
  return instruction.pairs.map(({ name, value }) => ({
    name: expander.word(name),
    value: expander.word(value),
  }));
}

function legacy(instruction: InstructionOf<"env" | "label">, linter: Linter): void {
  if (!instruction.legacy) return;
  const { keyword } = instruction;
  linter.report(
    "LegacyKeyValueFormat",
    `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`,
    instruction.range,
  );
}

function setEnv(env: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const at = env.findIndex((each) => each === name || each.startsWith(`${name}=`));
  return at < 0 ? [...env, entry] : env.with(at, entry);
}

function applyArg(
  state: StageState,
  instruction: InstructionOf<"arg">,
  expander: Expander,
  linter: Linter,
): void {
  const shown: string[] = [];
  for (const { name, value: written } of instruction.args) {
    checkSecretName("ARG", name, instruction.range, linter);
    const given = expander.buildArg(name);
    const value = given ?? (written === undefined ? expander.global(name) : expander.word(written));
    if (HIDDEN_ARGS.has(name)) state.scan(name, value);
    else if (value !== undefined) state.variables.set(name, value);
    state.buildArgs.push({ name, ...(value !== undefined && { value }) });
    shown.push(value === undefined ? name : `${name}=${value}`);
  }
  state.commit(`ARG ${shown.join(" ")}`, false);
}

function applyCommand(
  state: StageState,
  instruction: InstructionOf<"cmd" | "entrypoint">,
  linter: Linter,
): void {
  usedOnce(state, instruction, linter);
  const { config } = state;
  const { words, shellForm } = instruction.command;
  if (shellForm && !(config.Shell && config.Shell.length > 0)) {
    linter.report(
      "JSONArgsRecommended",
      `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`,
      instruction.range,
    );
  }
  const args = shellForm ? state.shellOf(words) : words;
  if (instruction.type === "cmd") {
    config.Cmd = args;
    config.ArgsEscaped = true;
  } else {
    config.Entrypoint = args.length === 0 ? null : args;
    if (!state.last.has("cmd")) config.Cmd = null;
  }
  state.commit(`${instruction.type.toUpperCase()} [${args.map(goQuote).join(" ")}]`, false);
}

/** The earlier one is what has no effect. */
function usedOnce(state: StageState, instruction: Instruction, linter: Linter): void {
  const before = state.last.get(instruction.type);
  if (before !== undefined) {
    linter.report(
      "MultipleInstructionsDisallowed",
      `Multiple ${instruction.keyword} instructions should not be used in the same stage because only the last one will be used`,
      before,
    );
  }
  state.last.set(instruction.type, instruction.range);
}

function applyExpose(
  state: StageState,
  instruction: InstructionOf<"expose">,
  expander: Expander,
  linter: Linter,
): void {
  const words = instruction.ports.flatMap((text) => expander.words(text));
  const ports = words.flatMap((word) => {
    const protocol = word.slice(word.indexOf("/") + 1);
    if (word.includes("/") && protocol !== protocol.toLowerCase()) {
      linter.report(
        "ExposeProtoCasing",
        `Defined protocol '${word}' in EXPOSE instruction should be lowercase`,
        instruction.range,
      );
    }
    if (hasMapping(word)) {
      linter.report(
        "ExposeInvalidFormat",
        `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
        instruction.range,
      );
    }
    return parseExpose(word);
  });
  const exposed = { ...state.config.ExposedPorts };
  for (const port of ports) exposed[port] = {};
  state.config.ExposedPorts = exposed;
  state.commit(`EXPOSE [${ports.join(" ")}]`, false);
}
