import { existsSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { invalidParameter, notFound } from "@berth/base";

const NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];

export interface FoundFiles {
  /** Absolute; `-` is standard input. */
  files: string[];
  warnings: string[];
}

/**
 * The files that make the project: `-f`, COMPOSE_FILE, or the default names in the folder and its parents.
 * @param folder where the search begins. @throws BerthError when there is none
 */
export function findFiles(
  given: readonly string[],
  folder: string,
  base: string,
  environment: Readonly<Record<string, string>>,
): FoundFiles {
  const absolute = (path: string) => (path === "-" ? path : isAbsolute(path) ? path : join(base, path));
  let named = given;
  if (named.length === 0 && environment.COMPOSE_FILE) {
    named = environment.COMPOSE_FILE.split(environment.COMPOSE_PATH_SEPARATOR || ":");
  }
  if (named.length > 0) return { files: named.map(absolute), warnings: [] };
  for (let at = folder; ; at = dirname(at)) {
    const found = NAMES.filter((name) => isFile(join(at, name)));
    if (found.length > 0) return inFolder(at, found);
    if (at === dirname(at)) break;
  }
  throw notFound("no configuration file provided: not found", { exitCode: 14 });
}

function inFolder(folder: string, found: readonly string[]): FoundFiles {
  const warnings: string[] = [];
  const choose = (names: readonly string[]): string => {
    const paths = names.map((name) => join(folder, name));
    if (paths.length > 1) {
      warnings.push(
        `Found multiple config files with supported names: ${paths.join(", ")}`,
        `Using ${paths[0]}`,
      );
    }
    return paths[0]!;
  };
  const files = [choose(found)];
  const overrides = OVERRIDES.filter((name) => isFile(join(folder, name)));
  if (overrides.length > 0) {
    const paths = overrides.map((name) => join(folder, name));
    if (paths.length > 1) {
      warnings.push(
        `Found multiple override files with supported names: ${paths.join(", ")}`,
        `Using ${paths[0]}`,
      );
    }
    files.push(paths[0]!);
  }
  return { files, warnings };
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** A name made of a folder's: what is not allowed is left out. */
export function normalizedName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, "")
    .replace(/^[-_]+/, "");
}

/** `-p` before COMPOSE_PROJECT_NAME before `name:` before the folder. @throws BerthError when it is not allowed */
export function projectName(
  given: string | undefined,
  declared: string | undefined,
  workingDirectory: string,
  environment: Readonly<Record<string, string>>,
): string {
  const explicit = given || environment.COMPOSE_PROJECT_NAME;
  if (explicit) {
    if (normalizedName(explicit) !== explicit) {
      throw invalidParameter(
        `invalid project name ${JSON.stringify(explicit)}: must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number`,
        given ? { exitCode: 1 } : {},
      );
    }
    return explicit;
  }
  const made = normalizedName(declared ?? "") || normalizedName(basename(workingDirectory));
  if (made === "") throw invalidParameter("project name must not be empty");
  return made;
}
