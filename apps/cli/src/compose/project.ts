import { BerthError } from "@berth/base";
import type { LoadedProject, LoadOptions } from "@berth/compose";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

/** What a command wants of the project beside the flags before its name. */
export type ProjectWishes = Partial<LoadOptions>;

/**
 * The project that the flags and the folder name; its warnings go to stderr.
 * @throws CommandError, BerthError
 */
export async function loadComposeProject(
  context: Context,
  wishes: ProjectWishes = {},
): Promise<LoadedProject> {
  const { loadProject } = await import("@berth/compose");
  const warnings: string[] = [];
  try {
    return await loadProject({
      ...loadOptions(context),
      onWarning: (warning) => warnings.push(`${warningLine(warning)}\n`),
      ...wishes,
    });
  } catch (error) {
    if (!(error instanceof BerthError) || error.exitCode !== undefined) throw error;
    throw new BerthError(error.kind, error.message, {
      cause: error,
      exitCode: INVALID_FILE,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  } finally {
    await context.stderr.write(warnings.join(""));
  }
}

/** Compose's exit status for a file that makes no project. */
const INVALID_FILE = 15;

/** What the flags say about where the project is. @throws CommandError */
export function loadOptions(context: Context): LoadOptions {
  const options = context.compose;
  if (options === undefined) throw new CommandError("no Compose options: the command is none of compose's");
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.environment)) {
    if (value !== undefined) environment[name] = value;
  }
  return {
    files: options.files,
    projectName: options.projectName,
    projectDirectory: options.projectDirectory,
    envFiles: options.envFiles,
    profiles: options.profiles,
    environment,
    workingDirectory: process.cwd(),
    readStandardInput: async () => {
      const { readStreamBounded } = await import("@berth/compose");
      return readStreamBounded(Bun.stdin.stream(), "standard input");
    },
    allResources: options.allResources,
    standardEnvFile: options.standardEnvFile,
  };
}

/** A warning as Compose logs it when stderr is no terminal. */
export function warningLine(message: string): string {
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return `time="${time}" level=warning msg=${JSON.stringify(message)}`;
}
