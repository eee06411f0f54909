import { type Command, shownName } from "./command.ts";
import type { Context } from "./context.ts";
import { CommandError, ExitStatus, OutputClosed } from "./errors.ts";
import type { Flags } from "./flags/flag.ts";
import type { ParseResult } from "./flags/parse.ts";
import type { Invocation } from "./invocation.ts";

/** Does what a command line says that was read and found right. @returns the exit status. */
export async function perform(
  program: string,
  command: Command,
  called: string,
  parsed: ParseResult<Flags>,
  context: Context,
): Promise<number> {
  try {
    const status = await command.run(context, parsed, parsed.args);
    return typeof status === "number" ? status : 0;
  } catch (error) {
    if (error instanceof ExitStatus || error instanceof OutputClosed) throw error;
    if (!(error instanceof CommandError && error.pointsToHelp)) throw error;
    const hint = `Run '${program} ${shownName(command, called)} --help' for more information`;
    throw new CommandError(`${program}: ${error.message}\n\n${hint}`, error.exitCode);
  }
}

/** Tells of what `act` throws. @returns the exit status; never throws. */
export async function withFailuresTold(
  { program, stderr }: Invocation,
  act: () => Promise<number>,
): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof OutputClosed) return 141;
    const { describeError, whatToDo } = await import("./describe-error.ts");
    const message = whatToDo(program, describeError(program, error));
    if (message !== "") await stderr.write(`${message}\n`).catch(() => {});
    if (error instanceof CommandError) return error.exitCode;
    return (error as { exitCode?: number } | null)?.exitCode ?? 1;
  }
}
