import { invalidParameter, messageOf } from "@berth/base";
import { type DaemonConfig, OPTION_LIST, type Option, type OptionName } from "./options.ts";

const BY_FLAG = new Map(
  OPTION_LIST.filter(([, { flag }]) => flag !== "").map((entry) => [entry[1].flag, entry]),
);
const BY_SHORT = new Map(
  OPTION_LIST.flatMap((entry) => (entry[1].short === undefined ? [] : [[entry[1].short, entry]])),
);

/**
 * Reads the daemon's command line as pflag does: `--flag value`, `--flag=value`, `-Fvalue`, switches without value,
 * several short switches together, `--` for the end. @throws invalid-parameter with pflag's sentence.
 */
export function parseArguments(argv: readonly string[]): Partial<DaemonConfig> {
  const values = new Map<OptionName, unknown>();
  const rest = [...argv];
  const set = (name: OptionName, { flag, short, kind }: Option<unknown>, value: string) => {
    try {
      values.set(name, kind.parse(value, values.get(name)));
    } catch (error) {
      const shown = short === undefined ? `--${flag}` : `-${short}, --${flag}`;
      throw invalidParameter(
        `invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${messageOf(error)}`,
      );
    }
  };
  for (;;) {
    const argument = rest.shift();
    if (argument === undefined) break;
    if (argument === "--") {
      refuseArguments(rest);
      break;
    }
    if (argument.startsWith("--")) {
      const at = argument.indexOf("=");
      const flag = at < 0 ? argument.slice(2) : argument.slice(2, at);
      const entry = BY_FLAG.get(flag);
      if (entry === undefined) throw invalidParameter(`unknown flag: --${flag}`);
      const [name, option] = entry;
      if (at >= 0) set(name, option, argument.slice(at + 1));
      else if (option.kind.word === "") set(name, option, "true");
      else {
        const value = rest.shift();
        if (value === undefined) throw invalidParameter(`flag needs an argument: --${flag}`);
        set(name, option, value);
      }
    } else if (argument.startsWith("-") && argument.length > 1) {
      parseShort(argument.slice(1), rest, set);
    } else refuseArguments([argument]);
  }
  return Object.fromEntries(values) as Partial<DaemonConfig>;
}

function parseShort(
  letters: string,
  rest: string[],
  set: (name: OptionName, option: Option<unknown>, value: string) => void,
): void {
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] as string;
    const entry = BY_SHORT.get(letter) as [OptionName, Option<unknown>] | undefined;
    if (entry === undefined) throw invalidParameter(`unknown shorthand flag: '${letter}' in -${letters}`);
    const [name, option] = entry;
    const following = letters.slice(at + 1);
    if (following.startsWith("=")) {
      set(name, option, following.slice(1));
      return;
    }
    if (option.kind.word === "") {
      set(name, option, "true");
      continue;
    }
    const value = following === "" ? rest.shift() : following;
    if (value === undefined) throw invalidParameter(`flag needs an argument: '${letter}' in -${letters}`);
    set(name, option, value);
    return;
  }
}

function refuseArguments(rest: readonly string[]): void {
  if (rest.length > 0) throw invalidParameter('"berth daemon" accepts no arguments.');
}
