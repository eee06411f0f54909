import { dirname, isAbsolute, join, relative } from "node:path";
import { invalidParameter } from "@berth/base";
import { SERVICE } from "../schema/service.ts";
import { applyTags, merge } from "./merge.ts";
import { resolver, resolveService } from "./paths.ts";
import { type Dict, readSource, type SourceDocument, type SourceScope } from "./source.ts";

/** Services that extend one another, one behind the other. */
const MOST_LINKS = 500;

export interface ExtendsScope extends SourceScope {
  /** What `file:` is relative to. */
  workingDirectory: string;
  home: string | undefined;
  resolvePaths: boolean;
  /** Files that were read for `extends` already. */
  read: Map<string, ServiceFile>;
}

interface Link {
  service: string;
  file: string;
}

/** A file whose services extend each other. */
interface ServiceFile {
  path: string;
  /** What `file:` is relative to. */
  folder: string;
  services: Record<string, Dict>;
  tags: SourceDocument["tags"];
  /** Services that are made already. */
  done: Map<string, Dict>;
}

/** Lays each service that extends another one over it. @returns the model's services. */
export function applyExtends(document: SourceDocument, file: string, scope: ExtendsScope): Dict {
  const services = (document.model.services ?? {}) as Record<string, Dict>;
  const source: ServiceFile = {
    path: file,
    folder: scope.workingDirectory,
    services,
    tags: document.tags,
    done: new Map(),
  };
  const made: Dict = {};
  for (const name of Object.keys(services)) made[name] = extended(name, source, scope, []);
  return made;
}

function extended(name: string, source: ServiceFile, scope: ExtendsScope, chain: readonly Link[]): Dict {
  const service = source.services[name]!;
  const reference = service.extends as { service: string; file?: string } | undefined;
  if (reference === undefined) return service;
  const known = source.done.get(name);
  if (known !== undefined) return known;
  const { path: file } = source;
  const link: Link = { service: name, file };
  if (chain.some((each) => each.service === name && each.file === file)) {
    const [first, ...more] = [...chain, link];
    const lines = more.map((each) => `\n  extends ${each.service} in ${each.file}`);
    throw invalidParameter(`Circular reference:\n  ${first!.service} in ${first!.file}${lines.join("")}`);
  }
  if (chain.length >= MOST_LINKS) throw invalidParameter("too many services that extend each other");
  const missing = (where: string) =>
    invalidParameter(
      `cannot extend service ${JSON.stringify(name)} in ${file}: service ${JSON.stringify(reference.service)} not found${where}`,
    );
  const links = [...chain, link];
  let base: Dict;
  if (reference.file === undefined) {
    if (source.services[reference.service] === undefined) throw missing("");
    base = extended(reference.service, source, scope, links);
  } else {
    const path = isAbsolute(reference.file) ? reference.file : join(source.folder, reference.file);
    const other = serviceFile(path, scope);
    if (other.services[reference.service] === undefined) throw missing(` in ${reference.file}`);
    base = structuredClone(extended(reference.service, other, scope, links));
    const from = dirname(path);
    const resolve = scope.resolvePaths
      ? resolver(from, scope.home)
      : (each: string) => (isAbsolute(each) ? each : join(relative(scope.workingDirectory, from), each));
    resolveService(base, resolve);
  }
  const tags = source.tags
    .filter(({ path }) => path[0] === "services" && path[1] === name && path.length > 2)
    .map((tag) => ({ ...tag, path: tag.path.slice(2) }));
  const { extends: _extends, ...rest } = service;
  const { extends: _base, ...below } = applyTags(base, tags) as Dict;
  const made = merge(below, rest, SERVICE) as Dict;
  source.done.set(name, made);
  return made;
}

function serviceFile(path: string, scope: ExtendsScope): ServiceFile {
  const known = scope.read.get(path);
  if (known !== undefined) return known;
  const documents = readSource(path, scope);
  const made: ServiceFile = {
    path,
    folder: dirname(path),
    services: Object.assign({}, ...documents.map((each) => each.model.services ?? {})),
    tags: documents.flatMap((each) => each.tags),
    done: new Map(),
  };
  scope.read.set(path, made);
  return made;
}
