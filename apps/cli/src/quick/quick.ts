import type { Command } from "../command.ts";
import { createContext } from "../create-context.ts";
import type { Flags } from "../flags/flag.ts";
import { type ParseResult, parseFlags } from "../flags/parse.ts";
import { GLOBAL_FLAGS, isLogLevel } from "../global-flags.ts";
import { invocationOfProcess } from "../invocation.ts";
import { perform, withFailuresTold } from "../perform.ts";
import { programName } from "../version.ts";
// All of these commands need a daemon.
import "../config/config-file.ts";
import "../config/connect.ts";

/**
 * A command that people and scripts wait for, as a program of its own: all that it loads is one module (tools/build.ts), where
 * the whole command line is some hundred, of which `run` loads sixty. It knows no help and no complaint about a command line,
 * for which all commands are needed: those are left to `cliMain`.
 * @returns what ends the process, or returns with nothing done, when the call is not for it.
 */
export function quickly<F extends Flags>(called: string, declaration: Command<F>) {
  const command = declaration as unknown as Command;
  return async (argv: readonly string[]): Promise<void> => {
    const globals = read(GLOBAL_FLAGS, argv, false);
    if (globals === undefined || globals.values.version || !isLogLevel(globals.values["log-level"])) return;
    const [name, ...words] = globals.args;
    if (name !== called) return;
    const parsed = read(command.flags, words, !command.argumentsAreACommand);
    if (parsed === undefined || !takes(command, parsed.args.length)) return;
    const program = programName(process.argv0);
    const invocation = invocationOfProcess(program, argv);
    const context = createContext(invocation, called, globals);
    const status = await withFailuresTold(invocation, async () => {
      try {
        return await perform(program, command, called, parsed, context);
      } finally {
        context.close();
      }
    });
    // As in main.ts: a read of stdin may still be waiting.
    process.exit(status);
  };
}

/** @returns undefined when something is to be said about it. */
function read<F extends Flags>(
  flags: F,
  words: readonly string[],
  mixed: boolean,
): ParseResult<F> | undefined {
  try {
    const parsed = parseFlags(flags, words, mixed);
    return parsed.help || parsed.warnings.length > 0 ? undefined : parsed;
  } catch {
    return undefined;
  }
}

function takes({ arguments: { least, most } }: Command, count: number): boolean {
  return count >= least && (most === undefined || count <= most);
}
