import { findEntry } from "../catalogue.ts";
import type { Entry } from "../entry.ts";
import { CommandError } from "../errors.ts";
import { FlagError, parseFlags } from "../flags/parse.ts";
import { composeVariables } from "./env-file.ts";
import { COMPOSE_FLAGS, type ComposeOptions, composeOptions } from "./flags.ts";

/** Which Compose command is meant, or a text to print. */
export type ComposeCall =
  | { entry: Entry; called: string; rest: string[]; options: ComposeOptions }
  | { help: true };

/**
 * Takes `compose [OPTIONS] COMMAND …` apart.
 * @param words behind `compose`.
 * @throws CommandError
 */
export async function findComposeCommand(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ComposeCall> {
  let parsed: ReturnType<typeof parseFlags<typeof COMPOSE_FLAGS>>;
  let options: ComposeOptions;
  try {
    // `compose -v`, `compose --version`
    const [first] = words;
    if (first === "-v" || first === "--version") return findComposeCommand(program, ["version"], environment);
    parsed = parseFlags(COMPOSE_FLAGS, words, false);
    const { file, "env-file": envFiles, "project-directory": folder, workdir } = parsed.values;
    const where = { files: file, envFiles, projectDirectory: folder || workdir };
    const fromFiles = await composeVariables(where, environment);
    options = composeOptions(parsed.values, parsed.given, { ...fromFiles, ...environment });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const message = (error as Error).message;
    if (!(error instanceof FlagError)) throw new CommandError(message);
    throw new CommandError(`${message}\nSee '${program} compose --help'.`, 16);
  }
  let [command, ...rest] = parsed.args;
  if (command === "help") {
    [command, ...rest] = rest.length === 0 ? [] : [rest[0], "--help"];
  }
  if (command === undefined || (parsed.help && parsed.args.length === 0)) return { help: true };
  const found = findEntry(["compose", command, ...rest]);
  if (found === undefined) {
    const { meantCommand } = await import("../meant.ts");
    const meant = meantCommand(program, ["compose", command]).trimEnd();
    const message = `unknown docker command: ${JSON.stringify(`compose ${command}`)}`;
    throw new CommandError(meant === "" ? message : `${message}\n${meant}`, 16);
  }
  return { ...found, options };
}
