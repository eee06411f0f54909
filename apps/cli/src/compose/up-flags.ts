import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { custom } from "../flags/types.ts";

export const SCALE_FLAG = custom<ReadonlyMap<string, number>>({
  type: "scale",
  help: "Scale SERVICE to NUM instances. Overrides the `scale` setting in the Compose file if present",
  initial: () => new Map(),
  parse: (text, before) => new Map([...before, parseScale(text)]),
});

/** `web=3`. @throws CommandError */
export function parseScale(text: string): [string, number] {
  const match = /^(.+)=(\d+)$/.exec(text);
  if (match === null) {
    throw new CommandError(`invalid --scale option ${JSON.stringify(text)}. Should be SERVICE=NUM`);
  }
  return [match[1]!, Number(match[2])];
}

/** @throws CommandError for flags that contradict each other. */
export function recreatePolicies(values: {
  "force-recreate": boolean;
  "no-recreate": boolean;
  "always-recreate-deps"?: boolean;
}): { recreate: "diverged" | "never" | "force"; recreateDependencies: "diverged" | "never" | "force" } {
  if (values["force-recreate"] && values["no-recreate"]) {
    throw new CommandError("--force-recreate and --no-recreate are incompatible");
  }
  const recreate = values["force-recreate"] ? "force" : values["no-recreate"] ? "never" : "diverged";
  const recreateDependencies = values["always-recreate-deps"]
    ? "force"
    : values["no-recreate"]
      ? "never"
      : "diverged";
  return { recreate, recreateDependencies };
}

export function checkBuildFlags(values: { build: boolean; "no-build": boolean }): boolean | undefined {
  if (values.build && values["no-build"]) throw new CommandError("--build and --no-build are incompatible");
  return values.build ? true : values["no-build"] ? false : undefined;
}

/** `--remove-orphans`, or the variables that stand for it. @throws CommandError when they contradict each other. */
export function orphansAreRemoved(context: Context, flag: boolean): boolean {
  const { removeOrphans = false, ignoreOrphans = false } = context.compose ?? {};
  if (flag && ignoreOrphans) {
    throw new CommandError("cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans");
  }
  return flag || (removeOrphans && !ignoreOrphans);
}
