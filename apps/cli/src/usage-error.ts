import { type Command, shownName } from "./command.ts";
import { CommandError } from "./errors.ts";
import { usageLine } from "./help.ts";
import { meantFlag } from "./meant.ts";

/** A flag is wrong. Compose has a status of its own for it. */
export function usageError(program: string, command: Command, called: string, message: string): CommandError {
  const status = called.startsWith("compose ") ? 16 : 125;
  const help = `Run '${program} ${shownName(command, called)} --help' for more information`;
  const hint = `${meantFlag(command, message)}${help}`;
  return new CommandError(
    `${message}

Usage:  ${usageLine(program, command, called)}

${hint}`,
    status,
  );
}

/** The number of arguments is wrong. */
export function argumentError(program: string, command: Command, called: string): CommandError {
  const { least, most } = command.arguments;
  const name = shownName(command, called);
  const many = (count: number) => `${count} argument${count === 1 ? "" : "s"}`;
  const wants =
    most === 0
      ? "accepts no arguments"
      : most === undefined
        ? `requires at least ${many(least)}`
        : least === most
          ? `requires ${many(least)}`
          : least === 0
            ? `requires at most ${many(most)}`
            : `requires at least ${least} and at most ${many(most)}`;
  const verb = most === undefined ? "See" : "Run";
  return new CommandError(
    `${program}: '${program} ${name}' ${wants}\n\nUsage:  ${usageLine(program, command, called)}\n\n${verb} '${program} ${name} --help' for more information`,
  );
}
