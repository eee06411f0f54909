import { nearest } from "@berth/base";
import { CATALOGUE, isNoun } from "./catalogue.ts";
import type { Command } from "./command.ts";
import { COMMON } from "./help.ts";
import { NOUNS } from "./nouns.ts";

/** Every name that is shown to users. */
function commandNames(): string[] {
  return CATALOGUE.filter(({ hidden }) => !hidden).flatMap(({ names }) => names);
}

/**
 * The line that goes before an error's last one when the words are no command: with the command that was probably meant, or
 * empty. `prune system` is meant for `system prune`, as `iamges` is for `images`.
 */
export function meantCommand(program: string, words: readonly string[]): string {
  const meant = nearestCommand(words);
  return meant === undefined ? "" : `Did you mean '${program} ${meant}'?\n`;
}

function nearestCommand([first = "", second = ""]: readonly string[]): string | undefined {
  const names = commandNames();
  if (names.includes(`${second} ${first}`)) return `${second} ${first}`;
  if (isNoun(first)) {
    const verbs = names
      .filter((name) => name.startsWith(`${first} `))
      .map((name) => name.slice(first.length + 1));
    const verb = nearest(second, verbs);
    return verb === undefined ? undefined : `${first} ${verb}`;
  }
  // Of two that are as close, the one that is used more.
  const top = [
    ...COMMON,
    ...names.filter((name) => !name.includes(" ")),
    ...Object.keys(NOUNS),
    "daemon",
    "registry",
  ];
  return nearest(first, top);
}

/** The same for the message about a flag. */
export function meantFlag(command: Command, message: string): string {
  const written = /^unknown flag: --(.+)$/.exec(message)?.[1];
  if (written === undefined) return "";
  const shown = Object.entries(command.flags).filter(([, { hidden }]) => !hidden);
  const meant = nearest(
    written,
    shown.map(([name]) => name),
  );
  return meant === undefined ? "" : `Did you mean --${meant}?\n`;
}
