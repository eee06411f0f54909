import { posix } from "node:path";
import type { ContainerConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { parseSignal } from "@berth/linux";
import { parseHealthcheck } from "./health.ts";
import { type Instruction, parseChanges, parseExecForm, splitQuoted } from "./parse.ts";
import { parseExposedPorts } from "./ports.ts";
import { expand, expandToWords, type Variables, variablesOf } from "./words.ts";

const DEFAULT_SHELL = ["/bin/sh", "-c"];

/**
 * The configuration after Dockerfile instructions (`--change` of commit and import). `config` itself is not changed.
 * @throws invalid-parameter with Docker's sentences.
 */
export function applyChanges<T extends Partial<ContainerConfig>>(config: T, changes: readonly string[]): T {
  const result: T = { ...config };
  let cmdSet = false;
  for (const instruction of parseChanges(changes)) {
    if (instruction.name === "CMD") cmdSet = true;
    applyOne(result, instruction, cmdSet);
  }
  return result;
}

function applyOne(config: Partial<ContainerConfig>, { name, rest }: Instruction, cmdSet: boolean): void {
  const variables = variablesOf(config.Env);
  switch (name) {
    case "CMD":
      config.Cmd = command(rest, config);
      break;
    case "ENTRYPOINT": {
      const entrypoint = command(rest, config);
      config.Entrypoint = entrypoint.length > 0 ? entrypoint : null;
      // The image's command was meant for the old entry point.
      if (!cmdSet) config.Cmd = null;
      break;
    }
    case "ENV":
      config.Env = setVariables(config.Env, namesAndValues("ENV", rest, variables));
      break;
    case "LABEL":
      config.Labels = { ...config.Labels, ...Object.fromEntries(namesAndValues("LABEL", rest, variables)) };
      break;
    case "EXPOSE": {
      const ports = expandToWords(rest, variables).flatMap(parseExposedPorts);
      config.ExposedPorts = {
        ...config.ExposedPorts,
        ...Object.fromEntries(ports.map((port) => [port, {}])),
      };
      break;
    }
    case "VOLUME": {
      const paths = (parseExecForm(rest) ?? rest.split(/\s+/)).map((path) => expand(path, variables).trim());
      if (paths.length === 0) throw invalidParameter("VOLUME requires at least one argument");
      if (paths.includes("")) throw invalidParameter("VOLUME specified can not be an empty string");
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
      break;
    }
    case "USER":
      config.User = expand(rest, variables);
      break;
    case "WORKDIR":
      config.WorkingDir = workingDirectory(config.WorkingDir ?? "", expand(rest, variables));
      break;
    case "ONBUILD":
      config.OnBuild = [...(config.OnBuild ?? []), trigger(rest)];
      break;
    case "STOPSIGNAL": {
      const signal = expand(rest, variables);
      if (parseSignal(signal) === undefined) throw invalidParameter(`Invalid signal: ${signal}`);
      config.StopSignal = signal;
      break;
    }
    case "HEALTHCHECK":
      config.Healthcheck = parseHealthcheck(rest);
      break;
    default:
      throw invalidParameter(`${name.toLowerCase()} is not a valid change command`);
  }
}

/** The exec form as it is, the shell form as an argument of the shell. */
function command(text: string, config: Partial<ContainerConfig>): string[] {
  const exec = parseExecForm(text);
  if (exec !== undefined) return exec;
  const shell = config.Shell?.length ? config.Shell : DEFAULT_SHELL;
  return text === "" ? [...shell] : [...shell, text];
}

/** `a=b c="d e"`, or the old form `name value with spaces`. */
function namesAndValues(
  instruction: "ENV" | "LABEL",
  text: string,
  variables: Variables,
): [name: string, value: string][] {
  const words = splitQuoted(text);
  const pairs: [string, string][] = [];
  if (!words[0]!.includes("=")) {
    const match = /^(\S+)\s+(.*)$/s.exec(text);
    if (match === null) throw invalidParameter(`${instruction} must have two arguments`);
    pairs.push([match[1]!, match[2]!]);
  } else {
    for (const word of words) {
      const at = word.indexOf("=");
      if (at < 0) {
        throw invalidParameter(
          `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
        );
      }
      pairs.push([word.slice(0, at), word.slice(at + 1)]);
    }
  }
  return pairs.map(([name, value]) => {
    const expanded = expand(name, variables);
    if (expanded === "") throw invalidParameter(`${instruction} names can not be blank`);
    return [expanded, expand(value, variables)];
  });
}

function setVariables(
  env: readonly string[] | null | undefined,
  pairs: readonly [name: string, value: string][],
): string[] {
  const result = [...(env ?? [])];
  for (const [name, value] of pairs) {
    const at = result.findIndex((entry) => entry === name || entry.startsWith(`${name}=`));
    if (at < 0) result.push(`${name}=${value}`);
    else result[at] = `${name}=${value}`;
  }
  return result;
}

function workingDirectory(current: string, path: string): string {
  if (path === "") throw invalidParameter("cannot normalize nothing");
  return path.startsWith("/") ? path : posix.join("/", current, path);
}

/** What a later build will run; the instruction as the user wrote it. */
function trigger(text: string): string {
  const word = /^\S+/.exec(text)![0].toUpperCase();
  if (word === "ONBUILD") throw invalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (word === "FROM" || word === "MAINTAINER") {
    throw invalidParameter(`${word} isn't allowed as an ONBUILD trigger`);
  }
  return text;
}
