import { posix } from "node:path";
import { HclError } from "./hcl/value.ts";
import { type BakeTarget, mergeTargets } from "./target.ts";

/** Groups and targets of all files together. */
export interface Definition {
  groups: Map<string, string[]>;
  targets: Map<string, BakeTarget>;
}

/** Changes of one target by `--set` and its shorthands. */
export type Overrides = (name: string, target: BakeTarget) => BakeTarget;

export interface Chosen {
  /** As printed: with `default`, which names what was asked for. */
  groups: Map<string, string[]>;
  targets: Map<string, BakeTarget>;
}

export function mergeDefinitions(earlier: Definition, later: Definition): Definition {
  const targets = new Map(earlier.targets);
  for (const [name, target] of later.targets)
    targets.set(name, mergeTargets(targets.get(name) ?? {}, target));
  return { groups: new Map([...earlier.groups, ...later.groups]), targets };
}

/** Groups and targets that these names mean, with what they inherit and what they take as their contexts. @throws HclError */
export function choose(definition: Definition, names: readonly string[], overrides: Overrides): Chosen {
  const chosen: Chosen = { groups: new Map(), targets: new Map() };
  const asked = names.length > 0 ? names : ["default"];
  const done = new Map<string, BakeTarget | undefined>();
  for (const name of asked) {
    const { targets, groups } = members(definition, name, []);
    for (const target of targets) chosen.targets.set(target, resolve(definition, target, overrides, done));
    for (const group of groups) chosen.groups.set(group, [...new Set(definition.groups.get(group))]);
  }
  const link = (name: string, from: readonly string[]) => {
    if (from.includes(name)) throw new HclError(`infinite loop from ${from.at(-1)} to ${name}`);
    if (!chosen.targets.has(name)) {
      // Nobody asked for it: it is built, and goes nowhere.
      const { tags: _, output: __, ...linked } = resolve(definition, name, overrides, done);
      chosen.targets.set(name, linked);
    }
    for (const other of linksOf(chosen.targets.get(name) as BakeTarget)) link(other, [...from, name]);
  };
  for (const name of [...chosen.targets.keys()]) link(name, []);
  const others = asked.filter((name) => name !== "default");
  if (others.length > 0) {
    const listed = chosen.groups.get("default") ?? [];
    chosen.groups.set("default", [...new Set([...listed, ...others])]);
  }
  return chosen;
}

const LINK = "target:";

/** Targets that a target takes as its contexts. */
export function linksOf({ contexts = {} }: BakeTarget): string[] {
  return Object.values(contexts)
    .filter((value) => value.startsWith(LINK))
    .map((value) => value.slice(LINK.length));
}

function members(
  definition: Definition,
  name: string,
  from: readonly string[],
): { targets: string[]; groups: string[] } {
  const group = definition.groups.get(name);
  if (group === undefined || from.includes(name)) return { targets: [name], groups: [] };
  const found = group.map((each) => members(definition, each, [...from, name]));
  return {
    targets: [...new Set(found.flatMap(({ targets }) => targets))],
    groups: [name, ...found.flatMap(({ groups }) => groups)],
  };
}

function resolve(
  definition: Definition,
  name: string,
  overrides: Overrides,
  done: Map<string, BakeTarget | undefined>,
): BakeTarget {
  const merged = inherited(definition, name, overrides, done);
  if (merged === undefined) throw new HclError(`failed to find target ${name}`);
  return {
    ...normalized(merged),
    context: merged.context === undefined ? "." : shortened(merged.context),
    dockerfile: merged.dockerfile ?? "Dockerfile",
  };
}

/** undefined for one that is being resolved: a circle adds nothing. */
function inherited(
  definition: Definition,
  name: string,
  overrides: Overrides,
  done: Map<string, BakeTarget | undefined>,
): BakeTarget | undefined {
  if (done.has(name)) return done.get(name);
  done.set(name, undefined);
  const own = definition.targets.get(name);
  if (own === undefined) throw new HclError(`failed to find target ${name}`);
  let made: BakeTarget = {};
  for (const parent of own.inherits ?? []) {
    made = mergeTargets(made, inherited(definition, parent, overrides, done) ?? {});
  }
  const { inherits: _, ...rest } = own;
  made = overrides(name, mergeTargets(made, rest));
  done.set(name, made);
  return made;
}

/** A folder without what says nothing in its path. */
function shortened(context: string): string {
  return context === "" || /:\/\/|^[\w.-]+@/.test(context)
    ? context
    : posix.normalize(context).replace(/(.)\/$/, "$1");
}

/** Without what is there twice, and without empty entries. */
function normalized(target: BakeTarget): BakeTarget {
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(target)) {
    if (Array.isArray(value)) {
      const list = [...new Set(value.filter((each) => each !== ""))];
      if (list.length > 0) made[name] = list;
    } else if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value).filter(
        ([key, each]) => key !== "" && !(name === "contexts" && each === ""),
      );
      if (entries.length > 0) made[name] = Object.fromEntries(entries);
    } else made[name] = value;
  }
  return made as BakeTarget;
}
