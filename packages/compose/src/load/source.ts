import { BerthError, invalidParameter, messageOf, notFound } from "@berth/base";
import type { Replacement } from "../interpolate/template.ts";
import { interpolate } from "../interpolate/walk.ts";
import { canonical, isMapping } from "../schema/canonical.ts";
import { PROJECT } from "../schema/project.ts";
import { type MergeTag, parseYaml, type YamlDocument } from "../yaml/parse.ts";
import { readBounded } from "./read.ts";

/** A canonical model as it is built: by section, not yet typed. */
export type Dict = Record<string, unknown>;

/** What reading a file needs. */
export interface SourceScope {
  /** undefined: variables stay as they are written. */
  replacement: Replacement | undefined;
  warn: (message: string) => void;
  /** Text of `-`. */
  standardInput: string | undefined;
  /** Files that were read already. */
  parsed: Map<string, readonly YamlDocument[]>;
}

export interface SourceDocument {
  model: Dict;
  tags: readonly MergeTag[];
}

/** Reads a file. @throws BerthError with Go's sentence */
export function readText(file: string, scope: Pick<SourceScope, "standardInput">): string {
  if (file === "-") return scope.standardInput ?? "";
  try {
    return readBounded(file).replace(/^\uFEFF/, "");
  } catch (error) {
    throw fileError("open", file, error);
  }
}

/** As Go says it. */
export function fileError(verb: string, file: string, error: unknown) {
  if (error instanceof BerthError) return error;
  const { code } = error as { code?: string };
  if (code === "ENOENT") return notFound(`${verb} ${file}: no such file or directory`, { exitCode: 14 });
  if (code === "EISDIR") return invalidParameter(`read ${file}: is a directory`);
  if (code === "EACCES") return invalidParameter(`${verb} ${file}: permission denied`);
  return invalidParameter(`${verb} ${file}: ${messageOf(error)}`);
}

/** The documents of a file as they are written; read once. */
export function documentsOf(
  file: string,
  scope: Pick<SourceScope, "standardInput" | "parsed">,
): readonly YamlDocument[] {
  const known = scope.parsed.get(file);
  if (known !== undefined) return known;
  const documents = parseYaml(readText(file, scope));
  scope.parsed.set(file, documents);
  return documents;
}

/** The documents of a file, interpolated, checked and canonical, each with the places that replace earlier ones. */
export function readSource(file: string, scope: SourceScope): SourceDocument[] {
  const made: SourceDocument[] = [];
  for (const { value, tags } of documentsOf(file, scope)) {
    if (value === null) continue;
    if (!isMapping(value)) throw invalidParameter("Top-level object must be a mapping");
    if ("services" in value && !isMapping(value.services))
      throw invalidParameter("services must be a mapping");
    const plain = interpolate(value, scope.replacement) as Dict;
    const { version, ...rest } = plain;
    if (version !== undefined) {
      canonical({ version }, PROJECT, "", { file, raw: scope.replacement === undefined });
      scope.warn(
        `${file}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
      );
    }
    warnOfExternalNames(rest, scope);
    const model = canonical(rest, PROJECT, "", { file, raw: scope.replacement === undefined }) as Dict;
    made.push({ model, tags });
  }
  return made;
}

function warnOfExternalNames(model: Dict, { warn }: SourceScope): void {
  for (const section of ["networks", "volumes", "secrets", "configs"]) {
    const objects = model[section];
    if (!isMapping(objects)) continue;
    for (const [name, object] of Object.entries(objects)) {
      if (isMapping(object) && isMapping(object.external) && object.external.name !== undefined) {
        warn(`${section}.${name}: external.name is deprecated. Please set name and external: true`);
      }
    }
  }
}
