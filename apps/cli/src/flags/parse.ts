import type { Flag, Flags, FlagValues, Parsed } from "./flag.ts";

/** The command line is wrong; `message` is Docker's sentence. */
export class FlagError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FlagError";
  }
}

export interface ParseResult<F extends Flags> extends Parsed<F> {
  /** What is no flag. */
  args: string[];
  /** `--help` was given; nothing behind it was looked at. */
  help: boolean;
  /** Remarks about deprecated flags. */
  warnings: string[];
}

/**
 * Reads flags as Docker's parser does: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-abc`, `--` ends them.
 * @param interspersed false: flags end at the first argument (run, exec, create).
 * @throws FlagError
 */
export function parseFlags<F extends Flags>(
  flags: F,
  argv: readonly string[],
  interspersed = true,
): ParseResult<F> {
  // A copy has its shape at once; an object that grows member by member has as many, and each takes memory.
  const values: Record<string, unknown> = { ...flags };
  for (const name in flags) values[name] = flags[name]!.initial();
  const given = new Set<string>();
  const args: string[] = [];
  const warnings: string[] = [];
  const result = (help: boolean): ParseResult<F> => ({
    values: values as FlagValues<F>,
    given: (name) => given.has(name),
    args,
    help,
    warnings,
  });
  const set = (name: string, text: string): void => {
    const flag = flags[name] as Flag<unknown>;
    try {
      values[name] = flag.parse(text, values[name], given.has(name));
    } catch (error) {
      const shown = flag.shorthand === undefined ? `--${name}` : `-${flag.shorthand}, --${name}`;
      throw new FlagError(
        `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${(error as Error).message}`,
      );
    }
    if (flag.deprecated !== undefined && !given.has(name)) {
      warnings.push(`Flag --${name} has been deprecated, ${flag.deprecated}`);
    }
    given.add(name);
  };

  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "" || word[0] !== "-" || word === "-") {
      if (!interspersed) {
        args.push(...argv.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    if (word === "--") {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = word.slice(2, equals < 0 ? undefined : equals);
      if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: ${word}`);
      const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
      if (flag === undefined) {
        if (name === "help") return result(true);
        throw new FlagError(`unknown flag: --${name}`);
      }
      if (equals >= 0) set(name, word.slice(equals + 1));
      else if (flag.alone !== undefined) set(name, flag.alone);
      else if (at + 1 < argv.length) set(name, argv[++at]!);
      else throw new FlagError(`flag needs an argument: --${name}`);
      continue;
    }
    // One or more shorthands.
    for (let cluster = word.slice(1); cluster !== ""; ) {
      const letter = [...cluster][0]!;
      const name = nameOf(flags, letter);
      const rest = cluster.slice(letter.length);
      if (name === undefined) {
        if (letter === "h") {
          warnings.push("Flag shorthand -h has been deprecated, use --help");
          return result(true);
        }
        throw new FlagError(`unknown shorthand flag: ${quoteRune(letter)} in -${cluster}`);
      }
      const flag = flags[name]!;
      if (rest.length > 1 && rest[0] === "=") {
        set(name, rest.slice(1));
        break;
      }
      if (flag.alone !== undefined) {
        set(name, flag.alone);
        cluster = rest;
        continue;
      }
      if (rest !== "") set(name, rest);
      else if (at + 1 < argv.length) set(name, argv[++at]!);
      else throw new FlagError(`flag needs an argument: ${quoteRune(letter)} in -${cluster}`);
      break;
    }
  }
  return result(false);
}

function nameOf(flags: Flags, shorthand: string): string | undefined {
  for (const name in flags) if (flags[name]!.shorthand === shorthand) return name;
  return undefined;
}

function quoteRune(letter: string): string {
  return letter === "'" || letter === "\\" ? `'\\${letter}'` : `'${letter}'`;
}
