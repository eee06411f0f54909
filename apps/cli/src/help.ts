import { CATALOGUE } from "./catalogue.ts";
import { type Command, shownName } from "./command.ts";
import type { Entry } from "./entry.ts";
import { describeFlags } from "./flags/help.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { NOUNS } from "./nouns.ts";

export function usageLine(program: string, command: Command, called: string): string {
  const name = shownName(command, called);
  const lines = [command.usage, ...(command.moreUsage ?? [])].map((usage) =>
    `${program} ${name} ${usage}`.trimEnd(),
  );
  return lines.join("\n\t");
}

/** `COMMAND --help`. */
export function commandHelp(program: string, command: Command, called: string, width: number): string {
  const parts = [`Usage:  ${usageLine(program, command, called)}`, command.summary];
  if (command.description !== undefined) parts.push(command.description.replaceAll("PROGRAM", program));
  if (command.names.length > 1) {
    parts.push(`Aliases:\n  ${command.names.map((name) => `${program} ${name}`).join(", ")}`);
  }
  if (command.examples !== undefined) {
    const examples = command.examples.map(({ what, words }) => `  # ${what}\n  ${program} ${words}`);
    parts.push(`Examples:\n${examples.join("\n\n")}`);
  }
  const flags = describeFlags(command.flags, width);
  if (flags !== "") parts.push(`Options:\n${flags}`);
  return `${parts.join("\n\n")}\n`;
}

/** `berth container`: the commands of a noun. */
export async function nounHelp(program: string, noun: string): Promise<string> {
  const verbs = verbsOf(noun);
  const rows = await summaries([...verbs.keys()], (entry) => verbs.get(entry)!);
  return [
    `Usage:  ${program} ${noun} COMMAND`,
    NOUNS[noun] ?? "",
    `Commands:\n${rows}`,
    `Run '${program} ${noun} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

/** The commands of a noun, in order, each under the first of its names there. */
export function verbsOf(noun: string): Map<Entry, string> {
  const found = CATALOGUE.flatMap((entry): [Entry, string][] => {
    const name = entry.names.find((one) => one.startsWith(`${noun} `));
    return name === undefined || entry.hidden ? [] : [[entry, name.slice(noun.length + 1)]];
  });
  return new Map(found.sort(([, a], [, b]) => (a < b ? -1 : 1)));
}

/** In Docker's order. */
export const COMMON: readonly string[] = [
  ...["run", "exec", "ps", "build", "pull", "push", "images", "login", "logout", "search", "version", "info"],
];

/** `berth --help`. */
export async function programHelp(program: string, width: number): Promise<string> {
  const short = (entry: Entry) => entry.names.find((name) => !name.includes(" "))!;
  const top = CATALOGUE.filter((entry) => !entry.hidden && entry.names.some((name) => !name.includes(" ")));
  const common = COMMON.flatMap((name) => top.filter((entry) => short(entry) === name));
  const others = top
    .filter((entry) => !common.includes(entry))
    .sort((a, b) => (short(a) < short(b) ? -1 : 1));
  const nouns = Object.entries(NOUNS)
    .filter(([noun]) => !noun.includes(" "))
    .map(([noun, summary]) => `  ${noun.padEnd(12)}${summary}`);
  return [
    `Usage:  ${program} [OPTIONS] COMMAND`,
    "Runs containers: command line, engine and image store in one executable.",
    `Common Commands:\n${await summaries(common, short)}`,
    `Management Commands:\n${nouns.join("\n")}`,
    `Commands:\n${await summaries(others, short)}`,
    `Servers:\n  ${"daemon".padEnd(12)}Start the engine (${program} daemon --help)\n  ${"registry".padEnd(12)}Serve a registry of images (${program} registry --help)`,
    `Global Options:\n${describeFlags(GLOBAL_FLAGS, width)}`,
    `Run '${program} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

async function summaries(entries: readonly Entry[], name: (entry: Entry) => string): Promise<string> {
  const shown = entries.filter((entry) => !entry.hidden);
  const commands = await Promise.all(shown.map((entry) => entry.load()));
  const rows = shown.map((entry, at) => `  ${name(entry).padEnd(12)}${commands[at]!.summary}`);
  return rows.join("\n");
}

/** Columns for the help: the terminal's, or 80. */
export async function helpWidth(): Promise<number> {
  const { terminal } = await import("./io/terminal.ts");
  const columns = terminal.size(0)?.columns ?? 0;
  return (columns === 0 ? 80 : columns) - 1;
}
