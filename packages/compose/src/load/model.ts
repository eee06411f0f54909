import { invalidParameter } from "@berth/base";
import { parseDotenv } from "../environment/dotenv.ts";
import { PROJECT } from "../schema/project.ts";
import { applyExtends, type ExtendsScope } from "./extends.ts";
import { importModel, includedProject } from "./include.ts";
import { applyTags, merge } from "./merge.ts";
import { resolveModel, resolver } from "./paths.ts";
import { readBounded } from "./read.ts";
import { type Dict, fileError, readSource } from "./source.ts";

/** How a model is loaded. */
export interface ModelScope extends Omit<ExtendsScope, "replacement"> {
  environment: Readonly<Record<string, string>>;
  interpolate: boolean;
  /** Files that were included so far. */
  included: { count: number };
}

/** Files inside each other, and all together: each may include two others. */
const MOST_INCLUDES = 200;
const MOST_INCLUDED = 2000;

/**
 * Reads files, each laid over those before it; with what they include and extend. Paths are absolute unless the scope says
 * otherwise.
 */
export function loadModel(
  files: readonly string[],
  scope: ModelScope,
  including: readonly string[] = [],
): Dict {
  scope.included.count += including.length === 0 ? 0 : 1;
  if (including.length > MOST_INCLUDES || scope.included.count > MOST_INCLUDED)
    throw invalidParameter("too many included files");
  let model: Dict = {};
  const missing = new Set<string>();
  const source: ExtendsScope = {
    ...scope,
    replacement: scope.interpolate
      ? {
          lookup: (name) => (Object.hasOwn(scope.environment, name) ? scope.environment[name] : undefined),
          missing: (name) => {
            if (missing.has(name)) return;
            missing.add(name);
            scope.warn(`The ${JSON.stringify(name)} variable is not set. Defaulting to a blank string.`);
          },
        }
      : undefined,
  };
  for (const file of files) {
    if (including.includes(file)) {
      const [first, ...more] = [...including, file];
      throw invalidParameter(`include cycle detected:\n${first}\n include ${more.join("\n include ")}`);
    }
    for (const document of readSource(file, source)) {
      const { include, ...own } = document.model;
      const over: Dict = { ...own };
      if (own.services !== undefined) over.services = applyExtends(document, file, source);
      if (Array.isArray(include)) {
        for (const entry of include) {
          const included = includedProject(entry, scope.workingDirectory);
          const inner = loadModel(
            included.files,
            {
              ...scope,
              read: new Map(),
              workingDirectory: included.workingDirectory,
              environment: { ...readEnvFiles(included.envFiles, scope.environment), ...scope.environment },
            },
            [...including, file],
          );
          importModel(over, inner);
        }
      }
      model = merge(applyTags(model, document.tags), over, PROJECT) as Dict;
    }
  }
  if (including.length > 0) giveValues(model, scope.environment);
  if (scope.resolvePaths) {
    model = structuredClone(model);
    resolveModel(model, resolver(scope.workingDirectory, scope.home));
  }
  return model;
}

/** Variables without value have that of the included project's environment. */
function giveValues(model: Dict, environment: Readonly<Record<string, string>>): void {
  for (const service of Object.values((model.services ?? {}) as Record<string, Dict>)) {
    const variables = service.environment as Record<string, string | null> | undefined;
    for (const [name, value] of Object.entries(variables ?? {})) {
      if (value === null && Object.hasOwn(environment, name)) variables![name] = environment[name]!;
    }
  }
}

/** Variables of `.env` files; a later file may use and replace those of an earlier one. @throws BerthError */
export function readEnvFiles(
  files: readonly string[],
  outer: Readonly<Record<string, string>>,
): Record<string, string> {
  let made: Record<string, string> = {};
  for (const file of files) {
    let text: string;
    try {
      text = readBounded(file);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") {
        throw invalidParameter(`Couldn't find env file: ${file}`, { exitCode: 1 });
      }
      throw fileError("open", file, error);
    }
    const before = made;
    try {
      made = {
        ...made,
        ...parseDotenv(text, (name) =>
          Object.hasOwn(outer, name) ? outer[name] : Object.hasOwn(before, name) ? before[name] : undefined,
        ),
      };
    } catch (error) {
      throw invalidParameter(`failed to read ${file}: ${(error as Error).message}`);
    }
  }
  return made;
}
