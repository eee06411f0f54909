import { dirname, isAbsolute, join, relative } from "node:path";
import { invalidParameter } from "@berth/base";
import { SERVICE } from "../schema/service.ts";
import { applyTags, merge } from "./merge.ts";
import { resolver, resolveService } from "./paths.ts";
import { type Dict, readSource, type SourceDocument, type SourceScope } from "./source.ts";

export interface ExtendsScope extends SourceScope {
  /** What `file:` is relative to. */
  workingDirectory: string;
  home: string | undefined;
  resolvePaths: boolean;
  /** Files that were read for `extends` already. */
  read: Map<string, readonly SourceDocument[]>;
}

interface Link {
  service: string;
  file: string;
}

/** Lays each service that extends another one over it. @returns the model's services. */
export function applyExtends(document: SourceDocument, file: string, scope: ExtendsScope): Dict {
  const services = (document.model.services ?? {}) as Record<string, Dict>;
  const made: Dict = {};
  for (const name of Object.keys(services)) {
    made[name] =
      services[name]!.extends === undefined
        ? services[name]
        : extended(name, services, file, document, scope, scope.workingDirectory, []);
  }
  return made;
}

function extended(
  name: string,
  services: Record<string, Dict>,
  file: string,
  document: SourceDocument | undefined,
  scope: ExtendsScope,
  folder: string,
  chain: readonly Link[],
): Dict {
  const service = services[name]!;
  const reference = service.extends as { service: string; file?: string } | undefined;
  const link: Link = { service: name, file };
  if (chain.some((each) => each.service === name && each.file === file)) {
    const [first, ...more] = [...chain, link];
    const lines = more.map((each) => `\n  extends ${each.service} in ${each.file}`);
    throw invalidParameter(`Circular reference:\n  ${first!.service} in ${first!.file}${lines.join("")}`);
  }
  if (reference === undefined) return service;
  const links = [...chain, link];
  let base: Dict;
  if (reference.file === undefined) {
    if (services[reference.service] === undefined) {
      throw invalidParameter(
        `cannot extend service ${JSON.stringify(name)} in ${file}: service ${JSON.stringify(reference.service)} not found`,
      );
    }
    base = extended(reference.service, services, file, document, scope, folder, links);
  } else {
    const path = isAbsolute(reference.file) ? reference.file : join(folder, reference.file);
    let documents = scope.read.get(path);
    if (documents === undefined) {
      documents = readSource(path, scope);
      scope.read.set(path, documents);
    }
    const other = Object.assign({}, ...documents.map((each) => each.model.services ?? {})) as Record<
      string,
      Dict
    >;
    if (other[reference.service] === undefined) {
      throw invalidParameter(
        `cannot extend service ${JSON.stringify(name)} in ${file}: service ${JSON.stringify(reference.service)} not found in ${reference.file}`,
      );
    }
    base = structuredClone(extended(reference.service, other, path, undefined, scope, dirname(path), links));
    const from = dirname(path);
    const resolve = scope.resolvePaths
      ? resolver(from, scope.home)
      : (each: string) => (isAbsolute(each) ? each : join(relative(scope.workingDirectory, from), each));
    resolveService(base, resolve);
  }
  const tags = (document?.tags ?? [])
    .filter(({ path }) => path[0] === "services" && path[1] === name && path.length > 2)
    .map((tag) => ({ ...tag, path: tag.path.slice(2) }));
  const { extends: _extends, ...rest } = service;
  const { extends: _base, ...below } = applyTags(base, tags) as Dict;
  return merge(below, rest, SERVICE) as Dict;
}
