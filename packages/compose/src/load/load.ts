import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { invalidParameter } from "@berth/base";
import { interpolate as interpolateValue } from "../interpolate/walk.ts";
import type { LoadedProject } from "../model.ts";
import { isMapping } from "../schema/canonical.ts";
import type { YamlDocument } from "../yaml/parse.ts";
import { checkConsistency, checkSections } from "./consistency.ts";
import { findFiles, projectName } from "./find.ts";
import { loadModel, readEnvFiles } from "./model.ts";
import { applyDefaults, giveValues, normalize, resolveContents, resolveEnvironment } from "./normalize.ts";
import type { LoadOptions } from "./options.ts";
import { splitByProfile, withoutUnused } from "./profiles.ts";
import { toProject } from "./project.ts";
import { documentsOf } from "./source.ts";

/** Finds and loads a project. @throws BerthError with Compose's sentence. */
export async function loadProject(options: LoadOptions): Promise<LoadedProject> {
  const { workingDirectory: current } = options;
  const absolute = (path: string) => (isAbsolute(path) ? path : join(current, path));
  const outer = options.environment;
  const given = options.projectDirectory === undefined ? undefined : absolute(options.projectDirectory);
  const envFiles = environmentFiles(options, absolute);
  const standard = (folder: string) => (options.standardEnvFile === false ? [] : standardEnvFile(folder));
  // What .env of the folder we are in says about COMPOSE_FILE counts, so it is read before the files are looked for.
  let fromFiles = readEnvFiles(envFiles ?? standard(given ?? current), outer);
  const found = findFiles(options.files, given ?? current, current, { ...fromFiles, ...outer });
  const [first] = found.files;
  const workingDirectory = given ?? (first === undefined || first === "-" ? current : dirname(first));
  if (envFiles === undefined && workingDirectory !== (given ?? current)) {
    fromFiles = { ...fromFiles, ...readEnvFiles(standard(workingDirectory), outer) };
  }
  const environment: Record<string, string> = { ...fromFiles, ...outer };
  const standardInput = found.files.includes("-") ? await options.readStandardInput?.() : undefined;
  const warnings: string[] = [];
  const warn = (message: string) => {
    if (warnings.includes(message)) return;
    warnings.push(message);
    options.onWarning?.(message);
  };
  found.warnings.forEach(warn);
  const interpolate = options.interpolate ?? true;
  const parsed = new Map<string, readonly YamlDocument[]>();
  // Variables of the files may use the name, so it is found before they are replaced.
  const declared = declaredName(
    found.files,
    { standardInput, parsed },
    interpolate ? environment : undefined,
  );
  const name = projectName(options.projectName, declared, workingDirectory, environment);
  environment.COMPOSE_PROJECT_NAME = name;
  const model = loadModel(found.files, {
    environment,
    interpolate,
    warn,
    standardInput,
    parsed,
    workingDirectory,
    home: outer.HOME,
    resolvePaths: options.resolvePaths ?? true,
    read: new Map(),
    included: { count: 0 },
  });
  if (Object.keys(model).length === 0) throw invalidParameter("empty compose file");
  let project = toProject(model, name);
  applyDefaults(project);
  if (interpolate) checkSections(project);
  if (options.normalize ?? true) normalize(project);
  const profiles = activeProfiles(options, environment, project.services);
  const { enabled, disabled } = splitByProfile(project.services, profiles);
  project = { ...project, services: enabled };
  if (options.consistency ?? true) checkConsistency(project);
  if (options.resolveEnvironment ?? true) {
    for (const service of Object.values(enabled)) resolveEnvironment(service, environment, workingDirectory);
    resolveContents(project.secrets, environment);
    resolveContents(project.configs, environment);
  } else if (interpolate) {
    for (const service of Object.values(enabled)) giveValues(service, environment);
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

/** `name:` of the last file that has one. */
function declaredName(
  files: readonly string[],
  scope: Parameters<typeof documentsOf>[1],
  environment: Readonly<Record<string, string>> | undefined,
): string | undefined {
  let declared: string | undefined;
  for (const file of files) {
    for (const { value } of documentsOf(file, scope)) {
      const name = isMapping(value) ? value.name : undefined;
      if (typeof name === "string") declared = name;
    }
  }
  if (declared === undefined || environment === undefined) return declared;
  const replaced = interpolateValue({ name: declared }, { lookup: (name) => environment[name] }) as {
    name: string;
  };
  return replaced.name;
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
