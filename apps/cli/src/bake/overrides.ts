import { keyValueList } from "../build/key-value-list.ts";
import { CommandError } from "../errors.ts";
import type { Overrides } from "./definition.ts";
import { ATTRIBUTES, type BakeTarget, mergeAttestations, mergeTargets } from "./target.ts";

export interface Shorthands {
  set: readonly string[];
  load: boolean;
  push: boolean;
  pull: boolean;
  noCache: boolean;
  provenance: string;
  sbom: string;
}

/** Words of `--set` that mean an attribute of another name. */
const NAMES: Readonly<Record<string, keyof BakeTarget>> = {
  platform: "platforms",
  secrets: "secret",
  outputs: "output",
  ulimit: "ulimits",
  annotation: "annotations",
};

interface Change {
  pattern: RegExp;
  /** A list, of which the first change of a target takes the place. */
  list?: keyof BakeTarget;
  apply(target: BakeTarget): BakeTarget;
}

/** `--set target.key=value` and the flags that stand for it. @throws CommandError for what means nothing. */
export function overridesOf(
  flags: Shorthands,
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Overrides {
  const changes = flags.set.map((text) => changeOf(text, names, environment));
  const attest = [...attestation("sbom", flags.sbom), ...attestation("provenance", flags.provenance)];
  return (name, target) => {
    let made = target;
    const begun = new Set<string>(["attest", "annotations"]);
    for (const { pattern, apply, list } of changes) {
      if (!pattern.test(name)) continue;
      if (list !== undefined && !begun.has(list)) {
        begun.add(list);
        made = { ...made, [list]: [] };
      }
      made = apply(made);
    }
    if (flags.push) made = { ...made, output: pushed(made.output ?? [], true) };
    if (flags.load) made = { ...made, output: loaded(made.output ?? []) };
    if (flags.noCache) made = { ...made, "no-cache": true };
    if (flags.pull) made = { ...made, pull: true };
    if (attest.length > 0) made = { ...made, attest: mergeAttestations(made.attest ?? [], attest) };
    return made;
  };
}

function typeOf(output: string): string {
  if (!output.includes("=")) return output === "-" ? "tar" : "local";
  return keyValueList(output).type ?? "";
}

/** Files and folders stay what they are; images are pushed, or not. */
function pushed(outputs: readonly string[], push: boolean): string[] {
  const made: string[] = [];
  let needsOne = push;
  for (const output of outputs) {
    const type = typeOf(output);
    if (type !== "docker") needsOne = false;
    if (type === "registry" && !push) continue;
    made.push(type === "image" ? `${output},push=${push}` : output);
  }
  return needsOne ? [...made, "type=image,push=true"] : made;
}

function loaded(outputs: readonly string[]): string[] {
  const isEnough = outputs.some((output) => {
    const type = typeOf(output);
    return type === "docker"
      ? keyValueList(output).dest === undefined
      : !["image", "registry", "oci"].includes(type);
  });
  return isEnough ? [...outputs] : [...outputs, "type=docker"];
}

function attestation(type: string, text: string): string[] {
  if (text === "") return [];
  if (/^(?:true|false|1|0)$/i.test(text))
    return [`type=${type},disabled=${String(!/^(?:true|1)$/i.test(text))}`];
  return [`type=${type},${text}`];
}

function changeOf(
  text: string,
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Change {
  const at = text.indexOf("=");
  const path = (at < 0 ? text : text.slice(0, at)).split(".");
  const value = at < 0 ? undefined : text.slice(at + 1);
  const [target = "", given = "", ...rest] = path;
  if (path.length < 2) throw new CommandError(`invalid override key ${path[0]}, expected target.name`);
  const pattern = new RegExp(
    `^${target
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  if (!names.some((name) => pattern.test(name)))
    throw new CommandError(`could not find any target matching '${target}'`);
  const key = rest.join(".");
  if (given === "load" || given === "push") {
    const wanted = /^(?:1|t|true)$/i.test(value ?? "");
    const change =
      given === "push"
        ? (list: string[]) => pushed(list, wanted)
        : wanted
          ? loaded
          : (list: string[]) => list;
    return { pattern, apply: (made) => ({ ...made, output: change(made.output ?? []) }) };
  }
  const name = NAMES[given] ?? (given as keyof BakeTarget);
  const kind = ATTRIBUTES[name];
  if (kind === undefined || name === "inherits" || name === "dockerfile-inline")
    throw new CommandError(`unknown key: ${given}`);
  if (kind === "map") {
    if (key === "") throw new CommandError(`${given} require name`);
    // The name alone takes the value of the environment, as --build-arg does.
    const set = value ?? (name === "args" ? environment[key] : undefined);
    if (set === undefined) {
      if (name === "args") return { pattern, apply: (made) => made };
      throw new CommandError(`missing value for ${text}`);
    }
    return { pattern, apply: (made) => mergeTargets(made, { [name]: { [key]: set } }) };
  }
  if (value === undefined) throw new CommandError(`missing value for ${text}`);
  if (key !== "") throw new CommandError(`unknown key: ${given}.${key}`);
  if (kind === "truth") {
    if (!/^(?:1|t|true|0|f|false)$/i.test(value))
      throw new CommandError(`invalid value ${value} for boolean key ${given}`);
    return { pattern, apply: (made) => ({ ...made, [name]: /^(?:1|t|true)$/i.test(value) }) };
  }
  if (kind === "text") return { pattern, apply: (made) => ({ ...made, [name]: value }) };
  return {
    pattern,
    list: name,
    apply(made) {
      const before = (made[name] ?? []) as string[];
      const list = name === "attest" ? mergeAttestations(before, [value]) : [...before, value];
      return { ...made, [name]: list };
    },
  };
}
