import type { Platform } from "@berth/spec";
import { formatPlatform } from "@berth/spec";
import type { InstructionOf } from "../instruction/types.ts";
import { locate } from "../parse/error.ts";
import { expand, type Variables } from "../shell/expand.ts";

/** Variables in the order in which they were set. */
export class VariableList implements Variables {
  readonly #values: Map<string, string>;

  constructor(values: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(values);
  }

  /** From `NAME=value` texts. */
  static fromEnv(env: readonly string[]): VariableList {
    return new VariableList(env.map(splitEnv));
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  delete(name: string): void {
    this.#values.delete(name);
  }

  clone(): VariableList {
    return new VariableList(this.#values);
  }

  toEnv(): string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }
}

export function splitEnv(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** Values that `--build-arg` gave. */
export type BuildArgs = Readonly<Record<string, string>>;

/** The arguments that are there without ARG: in FROM at once, in a stage after `ARG NAME`. */
export function platformArgs(
  build: Platform,
  target: Platform,
  targetStage: string,
  buildArgs: BuildArgs,
): VariableList {
  const list = new VariableList();
  const add = (name: string, value: string) => {
    list.set(name, Object.hasOwn(buildArgs, name) ? buildArgs[name]! : value);
  };
  for (const [prefix, platform] of [
    ["BUILD", build],
    ["TARGET", target],
  ] as const) {
    add(`${prefix}PLATFORM`, formatPlatform(platform));
    add(`${prefix}OS`, platform.os);
    add(`${prefix}OSVERSION`, platform.osVersion ?? "");
    add(`${prefix}ARCH`, platform.architecture);
    add(`${prefix}VARIANT`, platform.variant ?? "");
  }
  add("TARGETSTAGE", targetStage || "default");
  return list;
}

/** `base` with the ARGs before the first FROM; names that one of them declares. @throws DockerfileError. */
export function globalArgs(
  base: VariableList,
  instructions: readonly InstructionOf<"arg">[],
  buildArgs: BuildArgs,
  escapeToken: string,
): { variables: VariableList; declared: Set<string> } {
  const variables = base.clone();
  const declared = new Set<string>();
  for (const { args, range } of instructions) {
    for (const { name, value } of args) {
      declared.add(name);
      if (Object.hasOwn(buildArgs, name)) variables.set(name, buildArgs[name]!);
      else if (value !== undefined) {
        try {
          variables.set(name, expand(value, variables, { escapeToken }).value);
        } catch (error) {
          throw locate(error, range);
        }
      }
    }
  }
  return { variables, declared };
}
