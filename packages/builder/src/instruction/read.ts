import { type ImageRuntimeConfig, parseGoDuration } from "@berth/spec";
import { DockerfileError } from "../parse/error.ts";
import { readHeredoc } from "../parse/heredoc.ts";
import { KEYWORDS } from "../parse/line.ts";
import type { Statement } from "../parse/statement.ts";
import { withSuggestion } from "../parse/suggest.ts";
import { Flags } from "./flags.ts";
import { readRunFlags } from "./run-flags.ts";
import type { CommandLine, Instruction, Pair } from "./types.ts";

const FILE_FLAGS = { chown: "text", chmod: "text", link: "bool", exclude: "list" } as const;
const HEALTH_FLAGS = {
  interval: "text",
  timeout: "text",
  "start-period": "text",
  "start-interval": "text",
  retries: "text",
} as const;
/** Shorter intervals of health checks are refused: nanoseconds. */
const MIN_HEALTH_DURATION = 1e6;

/**
 * Gives one statement its meaning. FROM is not read here (`stages.ts`).
 * @throws DockerfileError with BuildKit's sentences.
 */
export function readInstruction(statement: Statement): Instruction {
  const { args, json } = statement;
  const name = statement.keyword.toLowerCase();
  const upper = name.toUpperCase();
  const common = {
    keyword: statement.keyword,
    code: statement.original.trim(),
    range: statement.range,
    comments: statement.comments,
  };
  const flags = (known: ConstructorParameters<typeof Flags>[1] = {}) => new Flags(statement.flags, known);
  switch (name) {
    case "arg":
      atLeastOne(upper, args);
      return { ...common, type: name, args: args.map((arg) => readArg(arg)) };
    case "env":
    case "label":
      flags();
      return { ...common, type: name, pairs: readPairs(upper, args), legacy: statement.legacy };
    case "copy": {
      const found = flags({ ...FILE_FLAGS, from: "text", parents: "bool" });
      const from = found.text("from");
      return {
        ...common,
        type: name,
        ...readFiles(upper, statement, found),
        from,
        parents: found.bool("parents") ?? false,
      };
    }
    case "add": {
      const found = flags({ ...FILE_FLAGS, "keep-git-dir": "bool", checksum: "text", unpack: "bool" });
      const keepGitDir = found.bool("keep-git-dir");
      const unpack = found.bool("unpack");
      return {
        ...common,
        type: name,
        ...readFiles(upper, statement, found),
        checksum: found.text("checksum"),
        ...(keepGitDir !== undefined && { keepGitDir }),
        ...(unpack !== undefined && { unpack }),
      };
    }
    case "run":
      return {
        ...common,
        type: name,
        command: commandLine(args, json),
        heredocs: statement.heredocs,
        flags: readRunFlags(statement.flags),
      };
    case "cmd":
    case "entrypoint":
      flags();
      return { ...common, type: name, command: commandLine(args, json) };
    case "healthcheck":
      return { ...common, type: name, health: readHealthcheck(statement) };
    case "expose":
      atLeastOne(upper, args);
      flags();
      return { ...common, type: name, ports: args.toSorted() };
    case "volume": {
      atLeastOne(upper, args);
      flags();
      const paths = args.map((arg) => arg.trim());
      if (paths.includes("")) throw new DockerfileError("VOLUME specified can not be an empty string");
      return { ...common, type: name, paths };
    }
    case "shell":
      flags();
      atLeastOne(upper, args);
      if (!json) throw notJson(upper, common.code);
      return { ...common, type: name, shell: args };
    case "onbuild":
      return { ...common, type: name, expression: readTrigger(statement) };
    case "user":
    case "workdir":
    case "stopsignal":
    case "maintainer":
      if (args.length !== 1) throw new DockerfileError(`${upper} requires exactly one argument`);
      flags();
      return { ...common, type: name, value: args[0]! };
    default:
      throw new DockerfileError(
        withSuggestion(
          `unknown instruction: ${statement.keyword}`,
          statement.keyword,
          KEYWORDS.map((keyword) => keyword.toUpperCase()),
          false,
        ),
      );
  }
}

function atLeastOne(name: string, args: readonly string[]): void {
  if (args.length === 0) throw new DockerfileError(`${name} requires at least one argument`);
}

const commandLine = (words: string[], json: boolean): CommandLine => ({ words, shellForm: !json });

function notJson(name: string, code: string): DockerfileError {
  const hint = code.includes("\\") ? ` - did you use "\\" where "\\\\" or "/" was meant?` : "";
  return new DockerfileError(`${name} requires the arguments to be in JSON form${hint}`);
}

function readArg(arg: string): { name: string; value?: string } {
  const equals = arg.indexOf("=");
  if (equals === 0) throw new DockerfileError("ARG names can not be blank");
  return equals < 0 ? { name: arg } : { name: arg.slice(0, equals), value: arg.slice(equals + 1) };
}

function readPairs(keyword: string, args: readonly string[]): Pair[] {
  atLeastOne(keyword, args);
  const pairs: Pair[] = [];
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at]!;
    if (name === "") throw new DockerfileError(`${keyword} names can not be blank`);
    pairs.push({ name, value: args[at + 1]! });
  }
  return pairs;
}

function readFiles(name: string, statement: Statement, flags: Flags) {
  const { args } = statement;
  if (args.length === 0)
    throw new DockerfileError(`${name} requires at least two arguments, but none was provided`);
  if (args.length === 1) {
    throw new DockerfileError(
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  const destination = args.at(-1)!;
  const startOf = (word: string) => (statement.json ? undefined : readHeredoc(word));
  if (startOf(destination) !== undefined) {
    throw new DockerfileError(`${name} cannot accept a heredoc as a destination`);
  }
  const sources: string[] = [];
  for (const word of args.slice(0, -1)) {
    if (startOf(word) === undefined) sources.push(word);
  }
  // `<< EOF` is two words here, of which the parser made one heredoc.
  const names = new Set(statement.heredocs.map((heredoc) => heredoc.name));
  const lone = sources.indexOf("<<");
  if (lone >= 0 && names.has(sources[lone + 1] ?? "")) sources.splice(lone, 2);
  return {
    sources,
    heredocs: statement.heredocs,
    destination,
    chown: flags.text("chown"),
    chmod: flags.text("chmod"),
    link: flags.bool("link") ?? false,
    excludes: flags.list("exclude"),
  };
}

function readHealthcheck(statement: Statement): NonNullable<ImageRuntimeConfig["Healthcheck"]> {
  atLeastOne("HEALTHCHECK", statement.args);
  const [kind, ...command] = statement.args as [string, ...string[]];
  const type = kind.toUpperCase();
  if (type === "NONE") {
    new Flags(statement.flags, {});
    if (command.length > 0) throw new DockerfileError("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  const flags = new Flags(statement.flags, HEALTH_FLAGS);
  if (type !== "CMD") {
    throw new DockerfileError(`unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  }
  if (command.length === 0) throw new DockerfileError("missing command after HEALTHCHECK CMD");
  const duration = (name: string) => {
    const text = flags.text(name);
    const value = text === "" ? 0 : durationOf(text);
    if (value !== 0 && value < MIN_HEALTH_DURATION) {
      throw new DockerfileError(`interval ${JSON.stringify(name)} cannot be less than 1ms`);
    }
    return value;
  };
  const set = <K extends string>(key: K, value: number) =>
    (value === 0 ? {} : { [key]: value }) as { [P in K]?: number };
  return {
    Test: [statement.json ? "CMD" : "CMD-SHELL", ...command],
    ...set("Interval", duration("interval")),
    ...set("Timeout", duration("timeout")),
    ...set("StartPeriod", duration("start-period")),
    ...set("StartInterval", duration("start-interval")),
    ...set("Retries", readRetries(flags.text("retries"))),
  };
}

function readRetries(text: string): number {
  if (text === "") return 0;
  if (!/^[+-]?\d{1,10}$/.test(text) || Math.abs(Number(text)) > 0x7fffffff) {
    throw new DockerfileError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (Number(text) < 0) throw new DockerfileError(`--retries cannot be negative (${Number(text)})`);
  return Number(text);
}

/** The text that a later build reads again. */
function readTrigger(statement: Statement): string {
  const { trigger } = statement;
  if (trigger === undefined) throw new DockerfileError("ONBUILD requires at least one argument");
  new Flags(statement.flags, {});
  const keyword = trigger.keyword.toUpperCase();
  if (keyword === "ONBUILD") {
    throw new DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (keyword === "MAINTAINER" || keyword === "FROM") {
    throw new DockerfileError(`${keyword} isn't allowed as an ONBUILD trigger`);
  }
  let text = statement.original.replace(/^\s*ONBUILD\s*/i, "");
  for (const heredoc of statement.heredocs) text += `\n${heredoc.content}${heredoc.name}`;
  return text;
}

function durationOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new DockerfileError((error as Error).message);
  }
}
