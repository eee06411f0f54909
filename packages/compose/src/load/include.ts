import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { invalidParameter } from "@berth/base";
import type { Dict } from "./source.ts";

interface Include {
  path: string[];
  project_directory?: string;
  env_file?: string[];
}

/** One include, with its paths made absolute. */
export interface IncludedProject {
  files: string[];
  workingDirectory: string;
  envFiles: string[];
}

/** What an entry of `include:` names. */
export function includedProject(entry: unknown, workingDirectory: string): IncludedProject {
  const include = entry as Include;
  const absolute = (path: string) => (isAbsolute(path) ? path : join(workingDirectory, path));
  if (!include.path?.length) throw invalidParameter("include: path is required");
  const files = include.path.map(absolute);
  const folder =
    include.project_directory === undefined ? dirname(files[0]!) : absolute(include.project_directory);
  const standard = join(folder, ".env");
  const envFiles = include.env_file?.length
    ? include.env_file.filter((path) => path !== "/dev/null").map(absolute)
    : existsSync(standard)
      ? [standard]
      : [];
  return { files, workingDirectory: folder, envFiles };
}

/** Adds what was included to a model. @throws BerthError when both declare one thing differently */
export function importModel(target: Dict, source: Dict): void {
  for (const section of ["services", "volumes", "networks", "secrets", "configs", "models"]) {
    const from = source[section] as Dict | undefined;
    if (from === undefined) continue;
    const to = (target[section] ?? {}) as Dict;
    target[section] = to;
    for (const [name, value] of Object.entries(from)) {
      if (Object.hasOwn(to, name) && !Bun.deepEquals(to[name], value)) {
        throw invalidParameter(`${section}.${name} conflicts with imported resource`);
      }
      to[name] = value;
    }
  }
}
