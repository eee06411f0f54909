import { CATALOGUE, findEntry, isNoun } from "../catalogue.ts";
import type { Command } from "../command.ts";
import type { Context } from "../context.ts";
import type { Completer, Flag, Flags } from "../flags/flag.ts";
import { GLOBAL_FLAGS } from "../global-flags.ts";
import { verbsOf } from "../help.ts";
import { NOUNS } from "../nouns.ts";

/** One word that may stand there, and what it is. */
export interface Candidate {
  word: string;
  about?: string;
}

/** What may come; `files`: also names of files or folders, which the shell knows itself. */
export interface Candidates {
  words: Candidate[];
  files?: "file" | "folder";
}

const NONE: Candidates = { words: [] };

/** Names that a daemon, the configuration or a Compose file knows. `compose`: the words between `compose` and its command. */
export type Names = (
  kind: Exclude<Completer, "file" | "folder" | "none">,
  compose: readonly string[],
) => Promise<string[]>;

/** What may stand in place of the last of `words` (which may be empty or begun); without the program's name. */
export async function candidates(words: readonly string[], names: Names): Promise<Candidates> {
  const begun = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const found = await complete(before, begun, names);
  return { ...found, words: found.words.filter(({ word }) => word.startsWith(begun)) };
}

async function complete(before: readonly string[], begun: string, names: Names): Promise<Candidates> {
  if (before[0] === "help") return complete(before.slice(1), begun, names);
  const globals = skipFlags(GLOBAL_FLAGS, before, false);
  if (globals.waiting !== undefined) return valuesOf(globals.waiting, names);
  const words = globals.args;
  if (words[0] === "compose") return completeCompose(words.slice(1), begun, names);
  const found = findEntry(words);
  if (found !== undefined) {
    return completeCommand(await found.entry.load(), found.rest, begun, names);
  }
  if (words.length === 0) {
    return begun.startsWith("-") ? flagCandidates(GLOBAL_FLAGS) : { words: await commandWords() };
  }
  return words.length === 1 && isNoun(words[0]!) ? { words: await verbWords(words[0]!) } : NONE;
}

/** @param words behind `compose`. */
async function completeCompose(words: readonly string[], begun: string, names: Names): Promise<Candidates> {
  const { COMPOSE_FLAGS } = await import("../compose/flags.ts");
  const { args, waiting } = skipFlags(COMPOSE_FLAGS, words, false);
  const own = words.slice(0, words.length - (waiting === undefined ? args.length : 1));
  const namesOfProject: Names = (kind) => names(kind, own);
  if (waiting !== undefined) return valuesOf(waiting, namesOfProject);
  if (args.length === 0) {
    return begun.startsWith("-") ? flagCandidates(COMPOSE_FLAGS) : { words: await verbWords("compose") };
  }
  const found = findEntry(["compose", ...args]);
  if (found === undefined) return NONE;
  return completeCommand(await found.entry.load(), found.rest, begun, namesOfProject);
}

async function completeCommand(
  command: Command,
  rest: readonly string[],
  begun: string,
  names: Names,
): Promise<Candidates> {
  const state = skipFlags(command.flags, rest, !command.argumentsAreACommand);
  if (state.waiting !== undefined) return valuesOf(state.waiting, names);
  const equals = begun.indexOf("=");
  if (begun.startsWith("--") && equals > 0) {
    const flag = command.flags[begun.slice(2, equals)];
    if (flag === undefined) return NONE;
    const { words } = await valuesOf(flag, names);
    return { words: words.map((each) => ({ ...each, word: begun.slice(0, equals + 1) + each.word })) };
  }
  if (begun.startsWith("-") && !(command.argumentsAreACommand && state.args.length > 0)) {
    return flagCandidates(command.flags);
  }
  const { most } = command.arguments;
  if (most !== undefined && state.args.length >= most) return NONE;
  const kinds = command.completes ?? kindsOfUsage(command.usage);
  const kind = kinds[Math.min(state.args.length, kinds.length - 1)] ?? "none";
  const known = await candidatesOf(kind, names);
  // A thing is rarely meant twice.
  return { ...known, words: known.words.filter(({ word }) => !state.args.includes(word)) };
}

/** Compose's commands say in their usage where names of services stand. */
function kindsOfUsage(usage: string): readonly Completer[] {
  if (usage.includes("SERVICE...")) return ["service"];
  return usage.includes("] SERVICE") ? ["service", "none"] : [];
}

/** @returns the arguments between the flags, and the flag that still waits for its value. */
function skipFlags(
  flags: Flags,
  words: readonly string[],
  interspersed: boolean,
): { args: string[]; waiting?: Flag<unknown> } {
  const args: string[] = [];
  const byShorthand = new Map(Object.values(flags).map((flag) => [flag.shorthand, flag as Flag<unknown>]));
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return { args: [...args, ...words.slice(at + 1)] };
    if (!word.startsWith("-") || word === "-") {
      if (!interspersed) return { args: [...args, ...words.slice(at)] };
      args.push(word);
      continue;
    }
    let flag: Flag<unknown> | undefined;
    if (word.startsWith("--")) {
      flag = word.includes("=") ? undefined : (flags[word.slice(2)] as Flag<unknown> | undefined);
    } else {
      for (const [index, letter] of [...word.slice(1)].entries()) {
        const one = byShorthand.get(letter);
        if (one === undefined) break;
        if (one.alone !== undefined) continue;
        if (index === word.length - 2) flag = one;
        break;
      }
    }
    if (flag === undefined || flag.alone !== undefined) continue;
    if (at === words.length - 1) return { args, waiting: flag };
    at++;
  }
  return { args };
}

function flagCandidates(flags: Flags): Candidates {
  const words = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden && flag.deprecated === undefined)
    .flatMap(([name, { help, shorthand }]) => {
      const about = help.split("\n")[0]!;
      return [
        { word: `--${name}`, about },
        ...(shorthand === undefined ? [] : [{ word: `-${shorthand}`, about }]),
      ];
    });
  return { words: [...words, { word: "--help", about: "Print usage" }] };
}

async function valuesOf(flag: Flag<unknown>, names: Names): Promise<Candidates> {
  return flag.values === undefined ? NONE : candidatesOf(flag.values, names);
}

async function candidatesOf(kind: Completer | readonly string[], names: Names): Promise<Candidates> {
  if (typeof kind !== "string") return { words: kind.map((word) => ({ word })) };
  if (kind === "none") return NONE;
  if (kind === "file" || kind === "folder") return { words: [], files: kind };
  return { words: (await names(kind, [])).map((word) => ({ word })) };
}

async function commandWords(): Promise<Candidate[]> {
  const shown = CATALOGUE.filter((entry) => !entry.hidden).flatMap((entry) =>
    entry.names.filter((name) => !name.includes(" ")).map((name) => ({ name, entry })),
  );
  const commands = await Promise.all(
    shown.map(async ({ name, entry }) => ({ word: name, about: (await entry.load()).summary })),
  );
  const nouns = Object.entries(NOUNS).map(([word, about]) => ({ word, about }));
  return [...commands, ...nouns, { word: "daemon", about: "Start the engine" }];
}

async function verbWords(noun: string): Promise<Candidate[]> {
  return Promise.all(
    [...verbsOf(noun)].map(async ([entry, word]) => ({ word, about: (await entry.load()).summary })),
  );
}

/** Asks the daemon. What cannot be asked completes to nothing. */
export function namesFrom(context: Context): Names {
  return async (kind, compose) => {
    try {
      if (kind === "service" || kind === "profile") return await askProject(context, kind, compose);
      return await ask(context, kind);
    } catch {
      return [];
    }
  };
}

/** What stands in the Compose files that the words before the command name. */
async function askProject(
  context: Context,
  kind: "service" | "profile",
  words: readonly string[],
): Promise<string[]> {
  const { loadOptions } = await import("../compose/project.ts");
  const { COMPOSE_FLAGS, composeOptions } = await import("../compose/flags.ts");
  const { parseFlags } = await import("../flags/parse.ts");
  const { loadProject } = await import("@berth/compose");
  const { values, given } = parseFlags(COMPOSE_FLAGS, words, false);
  const options = composeOptions(values, given, context.environment);
  // stdin is the shell's.
  if (options.files.includes("-")) return [];
  const loaded = await loadProject({
    ...loadOptions({ ...context, compose: options }),
    profiles: ["*"],
    consistency: false,
  });
  const services = Object.entries(loaded.project.services);
  return kind === "service"
    ? services.map(([name]) => name).sort()
    : [...new Set(services.flatMap(([, { profiles }]) => profiles ?? []))].sort();
}

async function ask(
  context: Context,
  kind: Exclude<Parameters<Names>[0], "service" | "profile">,
): Promise<string[]> {
  if (kind === "context") {
    const { listContexts } = await import("../config/context-store.ts");
    const { folder } = await context.configuration();
    return ["default", ...(await listContexts(folder)).map(({ Name }) => Name)];
  }
  const api = await import("@berth/client");
  const client = await context.client();
  // A daemon that hangs must not hang the shell.
  const signal = AbortSignal.timeout(2000);
  switch (kind) {
    case "image":
      return (await api.imageList(client, { signal })).flatMap(({ RepoTags }) => RepoTags ?? []);
    case "network":
      return (await api.networkList(client, { signal })).map(({ Name }) => Name);
    case "volume":
      return ((await api.volumeList(client, { signal })).Volumes ?? []).map(({ Name }) => Name);
    default: {
      const all = await api.containerList(client, { all: kind !== "running-container", signal });
      return all
        .filter(({ State }) => kind !== "stopped-container" || (State !== "running" && State !== "paused"))
        .flatMap(({ Names }) => (Names ?? []).map((name) => name.replace(/^\//, "")));
    }
  }
}
