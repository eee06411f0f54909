import type { Context } from "./context.ts";
import type { Completer, Flags, Parsed } from "./flags/flag.ts";

/** How many arguments a command takes. */
export interface ArgumentRule {
  least: number;
  /** undefined: any number. */
  most: number | undefined;
}

export const noArguments: ArgumentRule = { least: 0, most: 0 };
export const exactly = (count: number): ArgumentRule => ({ least: count, most: count });
export const atLeast = (count: number): ArgumentRule => ({ least: count, most: undefined });
export const atMost = (count: number): ArgumentRule => ({ least: 0, most: count });
export const between = (least: number, most: number): ArgumentRule => ({ least, most });

export interface Example {
  what: string;
  /** Without the program's name. */
  words: string;
}

/** One command as data: what it is called, takes and does. Parsing, help and completion derive from it. */
export interface Command<F extends Flags = Flags> {
  /** Every spelling: `container ls`, `container list`, `container ps`, `ps`. The first is the canonical one. */
  names: readonly string[];
  summary: string;
  /** Longer text of the help. */
  description?: string;
  /** What follows the name: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  usage: string;
  /** Further forms of the usage. */
  moreUsage?: readonly string[];
  arguments: ArgumentRule;
  flags: F;
  /** Flags end at the first argument: the rest is another program's command line. */
  argumentsAreACommand?: boolean;
  examples?: readonly Example[];
  hidden?: boolean;
  /** What completes the arguments, or the words that may stand there; the last one goes for those that follow. */
  completes?: readonly (Completer | readonly string[])[];
  /** @returns the exit status, when it is a number; otherwise 0. */
  run(context: Context, flags: Parsed<F>, args: string[]): Promise<unknown>;
}

/** Gives a declaration its flags' types. */
export function command<F extends Flags>(declaration: Command<F>): Command<F> {
  return declaration;
}

/** The spelling that the help and errors show: `container list` is shown as `container ls`, `ps` as it is. */
export function shownName(command: Pick<Command, "names">, called: string): string {
  return called.includes(" ") ? (command.names.find((name) => name.includes(" ")) ?? called) : called;
}
