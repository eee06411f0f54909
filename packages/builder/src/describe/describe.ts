import type { PlannedText } from "@berth/api/build";
import { isProxyArgument } from "../graph/proxy.ts";
import { readMount } from "../instruction/mount.ts";
import { readStages } from "../instruction/stages.ts";
import type { Stage, StagedDockerfile } from "../instruction/types.ts";
import { DockerfileError } from "../parse/error.ts";
import { parseDockerfile } from "../parse/parse.ts";
import { withSuggestion } from "../parse/suggest.ts";
import { expand } from "../shell/expand.ts";

/** What a file is asked about without being built: BuildKit's subrequests. */
export interface Description {
  /** BuildKit's JSON. */
  json: object;
  /** The same as a table. */
  text: string;
}

interface Place {
  sourceIndex: number;
  ranges: { start: { line: number; character: number }; end: { line: number; character: number } }[];
}

/** Where something stands, as BuildKit writes it. */
export function placeOf({ start, end }: { start: number; end: number }): Place {
  return {
    sourceIndex: 0,
    ranges: [{ start: { line: start, character: 0 }, end: { line: end, character: 0 } }],
  };
}

/** `frontend.targets`: the stages that can be built. @throws DockerfileError */
export function describeTargets(text: string): Description {
  const { stages } = readStages(parseDockerfile(text));
  const targets = stages.map((stage, at) => ({
    name: stage.name,
    default: at === stages.length - 1,
    description: descriptionOf(stage.comments, stage.name),
    base: stage.baseName,
    platform: stage.platform,
    location: placeOf(stage.range),
  }));
  const rows = targets.map(({ name, default: isDefault, description }) => [
    name === "" && isDefault ? "(default)" : isDefault ? `${name} (default)` : name,
    description,
  ]);
  return {
    json: { targets: targets.map((each) => filled(each)) },
    text: table([["TARGET", "DESCRIPTION"], ...rows], 1),
  };
}

interface Needed {
  name: string;
  required: boolean;
  location: Place;
}

/** `frontend.outline`: what a target takes: arguments, secrets, keys, caches. @throws DockerfileError */
export function describeOutline(
  text: string,
  options: { target: string; buildArgs: Readonly<Record<string, string>> },
): Description {
  const file = parseDockerfile(text);
  const staged = readStages(file);
  const target = targetOf(staged.stages, options.target);
  const reached = reachable(staged.stages, target);
  const args = argumentsOf(staged, reached, options.buildArgs, file.escapeToken);
  const secrets = new Map<string, Needed>();
  const ssh = new Map<string, Needed>();
  const cache = new Map<string, { ID: string; location: Place }>();
  for (const instruction of reached.flatMap(({ instructions }) => instructions)) {
    if (instruction.type !== "run") continue;
    for (const flag of instruction.flags.mounts) {
      const mount = readMount(flag, (word) => word);
      const location = placeOf(instruction.range);
      const { required } = mount;
      if (mount.type === "secret") {
        const name = mount.id || mount.target.split("/").at(-1) || "";
        secrets.set(name, { name, required: required || secrets.get(name)?.required === true, location });
      } else if (mount.type === "ssh") {
        const name = mount.id || "default";
        ssh.set(name, { name, required: required || ssh.get(name)?.required === true, location });
      } else if (mount.type === "cache") {
        const ID = mount.id || mount.target;
        cache.set(ID, { ID, location });
      }
    }
  }
  const description = descriptionOf(target.comments, target.name);
  const mark = (required: boolean) => (required ? "true" : "");
  const parts = [
    target.name === "" && description === ""
      ? ""
      : table(
          [
            ["TARGET:", target.name || "(default)"],
            ...(description === "" ? [] : [["DESCRIPTION:", description]]),
          ],
          2,
        ),
    titled(
      ["BUILD ARG", "VALUE", "DESCRIPTION"],
      args.map((each) => [each.name, each.value, each.description]),
    ),
    titled(
      ["SECRET", "REQUIRED"],
      [...secrets.values()].map((each) => [each.name, mark(each.required)]),
    ),
    titled(
      ["SSH", "REQUIRED"],
      [...ssh.values()].map((each) => [each.name, mark(each.required)]),
    ),
  ];
  const json = {
    name: target.name,
    description,
    args: args.map((each) => filled(each)),
    secrets: [...secrets.values()].map((each) => filled(each)),
    ssh: [...ssh.values()].map((each) => filled(each)),
    cache: [...cache.values()],
  };
  return { json: filled(json), text: parts.filter((part) => part !== "").join("\n") };
}

/**
 * All instructions that a target consists of, in the order of the file, and which of the build arguments `given` none of them
 * declares. @throws DockerfileError
 */
export function planOf(
  text: string,
  target: string,
  given: readonly string[],
): { instructions: PlannedText[]; unconsumed: string[] } {
  const { globalArgs, stages } = readStages(parseDockerfile(text));
  const needed = reachable(stages, targetOf(stages, target));
  const all = [...globalArgs, ...needed.flatMap((stage) => [stage, ...stage.instructions])];
  const declared = new Set<string>();
  for (const each of all)
    if ("type" in each && each.type === "arg") for (const { name } of each.args) declared.add(name);
  return {
    instructions: all.map(({ code, range }) => ({ text: code, line: range.start })),
    unconsumed: given.filter((name) => !declared.has(name) && !isProxyArgument(name)).sort(),
  };
}

function targetOf(stages: readonly Stage[], name: string): Stage {
  const found =
    name === ""
      ? stages.at(-1)
      : (stages.findLast((stage) => stage.name === name.toLowerCase()) ??
        (/^\d+$/.test(name) ? stages[Number(name)] : undefined));
  if (found !== undefined) return found;
  const names = stages.map((stage) => stage.name).filter((each) => each !== "");
  throw new DockerfileError(
    withSuggestion(`target stage ${JSON.stringify(name)} could not be found`, name, names, true),
  );
}

/** The stage and all that it is made from, in the order of the file. */
function reachable(stages: readonly Stage[], target: Stage): Stage[] {
  const found = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (found.has(stage)) return;
    found.add(stage);
    const at = stages.indexOf(stage);
    for (const name of sourcesOf(stage)) {
      const earlier = stages.slice(0, at).findLast((each) => each.name === name.toLowerCase());
      const source = earlier ?? (/^\d+$/.test(name) && Number(name) < at ? stages[Number(name)] : undefined);
      if (source !== undefined) visit(source);
    }
  };
  visit(target);
  return stages.filter((stage) => found.has(stage));
}

function sourcesOf(stage: Stage): string[] {
  const copied = stage.instructions.flatMap((instruction) => {
    if (instruction.type === "copy") return [instruction.from];
    if (instruction.type === "run") return instruction.flags.mounts.map((flag) => readMount(flag).from);
    return [];
  });
  return [stage.baseName, ...copied].filter((name) => name !== "");
}

interface Argument {
  name: string;
  value: string;
  description: string;
  location: Place;
}

function argumentsOf(
  { globalArgs, stages }: StagedDockerfile,
  reached: readonly Stage[],
  given: Readonly<Record<string, string>>,
  escapeToken: string,
): Argument[] {
  const found = new Map<string, Argument>();
  const values = new Map<string, string>();
  const defaultOf = (name: string, fallback: string | undefined) => {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    if (own !== undefined) return own;
    if (fallback === undefined) return values.get(name) ?? "";
    try {
      return expand(
        fallback,
        { get: (each) => values.get(each), keys: () => values.keys() },
        {
          escapeToken,
        },
      ).value;
    } catch {
      return fallback;
    }
  };
  // Of the arguments before the first FROM those count that the target's stages begin with.
  const froms = reached.map(({ baseName, platform }) => `${baseName} ${platform}`).join(" ");
  const names = new Set([...froms.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name as string));
  const instructions = [
    ...globalArgs.map((instruction) => ({ instruction, isGlobal: true })),
    ...stages
      .filter((stage) => reached.includes(stage))
      .flatMap((stage) => stage.instructions)
      .map((instruction) => ({ instruction, isGlobal: false })),
  ];
  for (const { instruction, isGlobal } of instructions) {
    if (instruction.type !== "arg") continue;
    for (const { name, value: fallback } of instruction.args) {
      const value = defaultOf(name, fallback);
      values.set(name, value);
      if (isGlobal && !names.has(name)) continue;
      const description = descriptionOf(instruction.comments, name) || (found.get(name)?.description ?? "");
      found.set(name, { name, value, description, location: placeOf(instruction.range) });
    }
  }
  return [...found.values()];
}

/** `# name what it is`, directly above. */
function descriptionOf(comments: readonly string[], name: string): string {
  if (name === "") return "";
  const line = comments
    .map((each) => each.trim())
    .find((each) => each.toLowerCase().startsWith(`${name.toLowerCase()} `));
  return line === undefined ? "" : line.slice(name.length + 1).trim();
}

/** Without what is empty. */
function filled(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, each]) => each !== "" && each !== false && !(Array.isArray(each) && each.length === 0),
    ),
  );
}

function titled(title: string[], rows: string[][]): string {
  return rows.length === 0 ? "" : table([title, ...rows], 3);
}

function table(rows: readonly string[][], gap: number): string {
  const width = (at: number) => Math.max(...rows.map((row) => (row[at] ?? "").length)) + gap;
  const widths = (rows[0] ?? []).map((_, at) => width(at));
  return rows
    .map(
      (row) =>
        `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("")}\n`,
    )
    .join("");
}
