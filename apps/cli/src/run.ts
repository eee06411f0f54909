import { findEntry, isNoun } from "./catalogue.ts";
import type { Command } from "./command.ts";
import type { Context } from "./context.ts";
import { createContext } from "./create-context.ts";
import type { Entry } from "./entry.ts";
import { CommandError } from "./errors.ts";
import type { Flags } from "./flags/flag.ts";
import { FlagError, parseFlags } from "./flags/parse.ts";
import { GLOBAL_FLAGS, isLogLevel } from "./global-flags.ts";
import type { Invocation } from "./invocation.ts";
import { perform, withFailuresTold } from "./perform.ts";

/** Runs one command line. @returns the exit status; never throws. */
export function run(invocation: Invocation): Promise<number> {
  return withFailuresTold(invocation, () => dispatch(invocation));
}

async function dispatch(invocation: Invocation): Promise<number> {
  const { program, argv, stdout } = invocation;
  let globals: ReturnType<typeof parseFlags<typeof GLOBAL_FLAGS>>;
  try {
    globals = parseFlags(GLOBAL_FLAGS, argv, false);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const usage = `Usage:  ${program} [OPTIONS] COMMAND [ARG...]`;
    throw new CommandError(
      `${error.message}\n\n${usage}\n\nRun '${program} --help' for more information`,
      125,
    );
  }
  const level = globals.values["log-level"];
  if (!isLogLevel(level)) throw new CommandError(`Unable to parse logging level: ${level}`);
  if (globals.values.version) {
    const { versionLine } = await import("./version.ts");
    await stdout.write(`${versionLine(program)}\n`);
    return 0;
  }
  let words = globals.args;
  let wantsHelp = globals.help;
  if (words[0] === "help") {
    wantsHelp = true;
    words = words.slice(1);
    if (words.length > 0 && findEntry(words) === undefined && !isNoun(words[0]!)) {
      throw new CommandError(`unknown help topic: ${words.join(" ")}`);
    }
  }
  if (words[0] === "compose") return compose(invocation, globals, words.slice(1), wantsHelp);
  const found = findEntry(words);
  if (found === undefined) return helpOrUnknown(invocation, words);
  if (wantsHelp) return printHelp(invocation, await found.entry.load(), found.called);
  const context = createContext(invocation, found.called, globals);
  // config.json is read while the command's module is loaded.
  void context.configuration();
  try {
    return await runCommand(invocation, await found.entry.load(), found, context);
  } finally {
    context.close();
  }
}

/** Compose takes flags of its own between its name and the command. */
async function compose(
  invocation: Invocation,
  globals: ReturnType<typeof parseFlags<typeof GLOBAL_FLAGS>>,
  words: readonly string[],
  wantsHelp: boolean,
): Promise<number> {
  const { findComposeCommand } = await import("./compose/dispatch.ts");
  const call = await findComposeCommand(invocation.program, words, invocation.environment);
  if ("help" in call) {
    const { composeHelp } = await import("./compose/help.ts");
    await invocation.stdout.write(await composeHelp(invocation.program));
    return 0;
  }
  const { withDryRun } = await import("./compose/dry-run.ts");
  const command = withDryRun(await call.entry.load());
  if (wantsHelp) return printHelp(invocation, command, call.called);
  const context = createContext(invocation, call.called, globals, call.options);
  try {
    return await runCommand(invocation, command, call, context);
  } finally {
    context.close();
  }
}

async function runCommand(
  invocation: Invocation,
  command: Command,
  found: { entry: Entry; called: string; rest: string[] },
  context: Context,
): Promise<number> {
  const { program, stdout } = invocation;
  const { called } = found;
  let parsed: ReturnType<typeof parseFlags<Flags>>;
  try {
    parsed = parseFlags(command.flags, found.rest, !command.argumentsAreACommand);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const { usageError } = await import("./usage-error.ts");
    throw usageError(program, command, called, error.message);
  }
  for (const warning of parsed.warnings) await stdout.write(`${warning}\n`);
  if (parsed.help) return printHelp(invocation, command, called);
  const { least, most } = command.arguments;
  if (parsed.args.length < least || (most !== undefined && parsed.args.length > most)) {
    const { argumentError } = await import("./usage-error.ts");
    throw argumentError(program, command, called);
  }
  return perform(program, command, called, parsed, context);
}

async function helpOrUnknown(invocation: Invocation, words: readonly string[]): Promise<number> {
  const { program, stdout } = invocation;
  // A noun may have two words.
  const isPair = words.length > 1 && isNoun(`${words[0]} ${words[1]}`);
  const [first, second] = isPair ? [`${words[0]} ${words[1]}`, words[2]] : words;
  const help = await import("./help.ts");
  if (first === undefined) {
    await stdout.write(await help.programHelp(program, await help.helpWidth()));
    return 0;
  }
  if (!isNoun(first)) {
    const { meantCommand } = await import("./meant.ts");
    throw new CommandError(
      `${program}: unknown command: ${program} ${first}\n\n${meantCommand(program, words)}Run '${program} --help' for more information`,
    );
  }
  if (second === undefined || second === "--help" || second === "-h") {
    await stdout.write(await help.nounHelp(program, first));
    return 0;
  }
  const { meantCommand } = await import("./meant.ts");
  const isFlag = second.startsWith("-");
  const what = isFlag
    ? `unknown flag: ${second}`
    : `${program}: unknown command: ${program} ${first} ${second}`;
  const meant = isFlag ? "" : meantCommand(program, [first, second]);
  const hint = `${meant}Run '${program} ${first} --help' for more information`;
  throw new CommandError(`${what}\n\nUsage:  ${program} ${first}\n\n${hint}`, isFlag ? 125 : 1);
}

async function printHelp(invocation: Invocation, command: Command, called: string): Promise<number> {
  const help = await import("./help.ts");
  await invocation.stdout.write(
    help.commandHelp(invocation.program, command, called, await help.helpWidth()),
  );
  return 0;
}
