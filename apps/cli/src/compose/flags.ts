import type { FlagValues } from "../flags/flag.ts";
import { bool, int, list, string } from "../flags/types.ts";

/** Flags between `compose` and the command. */
export const COMPOSE_FLAGS = {
  "all-resources": bool("Include all resources, even those not used by services"),
  ansi: string('Control when to print ANSI control characters ("never"|"always"|"auto")', {
    default: "auto",
    values: ["never", "always", "auto"],
  }),
  compatibility: bool("Name containers with underscores, as docker-compose v1 did"),
  "dry-run": bool("Tell what would be done, and do nothing"),
  "env-file": list("Read variables from this file instead of .env", { type: "stringArray", values: "file" }),
  file: list("Compose file", { shorthand: "f", type: "stringArray", values: "file" }),
  parallel: int("How much is done at a time; -1: no limit", { default: -1 }),
  profile: list("Enable the services of a profile", { type: "stringArray", values: "profile" }),
  progress: string("How progress is shown (auto, tty, plain, json, quiet)", {
    default: "auto",
    values: ["auto", "tty", "plain", "json", "quiet"],
  }),
  "project-directory": string("Folder that relative paths start at (default: that of the first file)", {
    values: "folder",
  }),
  "project-name": string("Name of the project", { shorthand: "p" }),
  verbose: bool("Tell every request to the daemon on stderr", { hidden: true }),
  "no-ansi": bool("Same as --ansi never", { hidden: true }),
  workdir: string("Same as --project-directory", { hidden: true }),
};

/** What was said between `compose` and the command, and what COMPOSE_… variables say where nothing was. */
export interface ComposeOptions {
  files: readonly string[];
  projectName: string | undefined;
  projectDirectory: string | undefined;
  envFiles: readonly string[];
  profiles: readonly string[];
  ansi: "never" | "always" | "auto";
  progress: string;
  /** -1: no limit. */
  parallel: number;
  compatibility: boolean;
  dryRun: boolean;
  allResources: boolean;
  /** false: COMPOSE_DISABLE_ENV_FILE. */
  standardEnvFile: boolean;
  /** COMPOSE_REMOVE_ORPHANS: as if `--remove-orphans` were said. */
  removeOrphans: boolean;
  /** COMPOSE_IGNORE_ORPHANS: no word about them. */
  ignoreOrphans: boolean;
  /** COMPOSE_STATUS_STDOUT: progress goes to stdout. */
  statusOnStdout: boolean;
}

/** Of a variable. */
export const truthy = (text: string | undefined) => /^(1|t|true|y|yes)$/i.test(text ?? "");

/** @throws Error with Compose's sentence. */
export function composeOptions(
  values: FlagValues<typeof COMPOSE_FLAGS>,
  given: (name: keyof typeof COMPOSE_FLAGS) => boolean,
  environment: Readonly<Record<string, string | undefined>>,
): ComposeOptions {
  const ansi = values["no-ansi"] ? "never" : given("ansi") ? values.ansi : environment.COMPOSE_ANSI || "auto";
  if (ansi !== "never" && ansi !== "always" && ansi !== "auto") {
    throw new Error(`unsupported --ansi value ${JSON.stringify(ansi)}`);
  }
  const progress = given("progress") ? values.progress : environment.COMPOSE_PROGRESS || "auto";
  if (!["auto", "tty", "plain", "json", "quiet"].includes(progress)) {
    throw new Error(`unsupported --progress value ${JSON.stringify(progress)}`);
  }
  let { parallel } = values;
  const limit = environment.COMPOSE_PARALLEL_LIMIT;
  if (!given("parallel") && limit) {
    if (!/^-?\d+$/.test(limit)) {
      throw new Error("COMPOSE_PARALLEL_LIMIT must be an integer (found: " + JSON.stringify(limit) + ")");
    }
    parallel = Number(limit);
  }
  return {
    files: values.file,
    projectName: values["project-name"] || undefined,
    projectDirectory: values["project-directory"] || values.workdir || undefined,
    envFiles: values["env-file"],
    profiles: values.profile,
    ansi,
    progress,
    parallel,
    compatibility: given("compatibility") ? values.compatibility : truthy(environment.COMPOSE_COMPATIBILITY),
    dryRun: values["dry-run"],
    allResources: values["all-resources"],
    standardEnvFile: !truthy(environment.COMPOSE_DISABLE_ENV_FILE),
    removeOrphans: truthy(environment.COMPOSE_REMOVE_ORPHANS),
    ignoreOrphans: truthy(environment.COMPOSE_IGNORE_ORPHANS),
    statusOnStdout: truthy(environment.COMPOSE_STATUS_STDOUT),
  };
}
