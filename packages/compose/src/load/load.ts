import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { invalidParameter } from "@berth/base";
import type { LoadedProject } from "../model.ts";
import { checkConsistency, checkSections } from "./consistency.ts";
import { findFiles, projectName } from "./find.ts";
import { loadModel, readEnvFiles } from "./model.ts";
import { applyDefaults, normalize, resolveContents, resolveEnvironment } from "./normalize.ts";
import type { LoadOptions } from "./options.ts";
import { splitByProfile, withoutUnused } from "./profiles.ts";
import { toProject } from "./project.ts";

/** Finds and loads a project. @throws BerthError with Compose's sentence. */
export async function loadProject(options: LoadOptions): Promise<LoadedProject> {
  const { workingDirectory: current } = options;
  const absolute = (path: string) => (isAbsolute(path) ? path : join(current, path));
  const outer = options.environment;
  const given = options.projectDirectory === undefined ? undefined : absolute(options.projectDirectory);
  const envFiles = environmentFiles(options, absolute);
  // What .env of the folder we are in says about COMPOSE_FILE counts, so it is read before the files are looked for.
  let fromFiles = readEnvFiles(envFiles ?? standardEnvFile(given ?? current), outer);
  const found = findFiles(options.files, given ?? current, current, { ...fromFiles, ...outer });
  const [first] = found.files;
  const workingDirectory = given ?? (first === undefined || first === "-" ? current : dirname(first));
  if (envFiles === undefined && workingDirectory !== (given ?? current)) {
    fromFiles = { ...fromFiles, ...readEnvFiles(standardEnvFile(workingDirectory), outer) };
  }
  const environment: Record<string, string> = { ...fromFiles, ...outer };
  const standardInput = found.files.includes("-") ? await options.readStandardInput?.() : undefined;
  const warnings = [...found.warnings];
  const seen = new Set<string>();
  const warn = (message: string) => {
    if (seen.has(message)) return;
    seen.add(message);
    warnings.push(message);
  };
  const interpolate = options.interpolate ?? true;
  // The name may be used by variables of the files.
  const early = nameBefore(options, environment, workingDirectory);
  if (early !== undefined) environment.COMPOSE_PROJECT_NAME ??= early;
  const model = loadModel(found.files, {
    environment,
    interpolate,
    warn,
    standardInput,
    workingDirectory,
    home: outer.HOME,
    resolvePaths: options.resolvePaths ?? true,
    read: new Map(),
  });
  if (Object.keys(model).length === 0) throw invalidParameter("empty compose file");
  const { COMPOSE_PROJECT_NAME: _name, ...without } = environment;
  const named = outer.COMPOSE_PROJECT_NAME ?? fromFiles.COMPOSE_PROJECT_NAME;
  const name = projectName(
    options.projectName,
    typeof model.name === "string" ? model.name : undefined,
    workingDirectory,
    named === undefined ? without : environment,
  );
  environment.COMPOSE_PROJECT_NAME = name;
  let project = toProject(model, name);
  applyDefaults(project);
  if (interpolate) checkSections(project);
  if (options.normalize ?? true) normalize(project);
  const profiles = activeProfiles(options, environment, project.services);
  const { enabled, disabled } = splitByProfile(project.services, profiles);
  if (options.consistency ?? true) checkConsistency(project, {});
  project = { ...project, services: enabled };
  if (options.resolveEnvironment ?? true) {
    for (const service of Object.values(enabled)) resolveEnvironment(service, environment);
    resolveContents(project.secrets, environment);
    resolveContents(project.configs, environment);
  }
  if (!options.allResources) project = withoutUnused(project);
  return {
    project,
    disabled,
    workingDirectory,
    files: found.files,
    environmentFiles: envFiles ?? [],
    environment,
    profiles,
    warnings,
  };
}

/** `--env-file` before COMPOSE_ENV_FILES; undefined: the standard one. */
function environmentFiles(
  { envFiles, environment }: LoadOptions,
  absolute: (path: string) => string,
): string[] | undefined {
  if (envFiles.length > 0) return envFiles.map(absolute);
  const named = environment.COMPOSE_ENV_FILES;
  return named ? named.split(",").map(absolute) : undefined;
}

function standardEnvFile(folder: string): string[] {
  const path = join(folder, ".env");
  return existsSync(path) ? [path] : [];
}

function nameBefore(
  options: LoadOptions,
  environment: Readonly<Record<string, string>>,
  workingDirectory: string,
): string | undefined {
  if (options.projectName) return options.projectName;
  if (environment.COMPOSE_PROJECT_NAME) return undefined;
  try {
    return projectName(undefined, undefined, workingDirectory, {});
  } catch {
    return undefined;
  }
}

/** Profiles of the flags, of COMPOSE_PROFILES, and of the services that are named. */
function activeProfiles(
  options: LoadOptions,
  environment: Readonly<Record<string, string>>,
  services: LoadedProject["project"]["services"],
): string[] {
  const named = (options.services ?? []).flatMap((name) => services[name]?.profiles ?? []);
  const fromVariable =
    options.profiles.length > 0
      ? []
      : (environment.COMPOSE_PROFILES ?? "")
          .split(",")
          .map((each) => each.trim())
          .filter((each) => each !== "");
  return [...new Set([...options.profiles, ...fromVariable, ...named])];
}
