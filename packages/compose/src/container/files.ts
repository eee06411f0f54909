/** Secrets and configs of a service: files of the host are bound, everything else is copied in before the start. */
import type { Mount } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Body } from "@berth/client";
import type { FileObject, FileReference } from "../model.ts";
import type { NamedService, Target } from "../target.ts";

/** A file to be written into a container before it starts. */
export interface CopiedFile {
  /** Absolute. */
  path: string;
  content: string | { file: string };
  uid: number;
  gid: number;
  /** Permission bits. */
  mode: number;
}

export interface ServiceFiles {
  mounts: Body<Mount>[];
  copies: CopiedFile[];
}

const READABLE = 0o444;

/** @throws invalid-parameter for undefined and external ones, and variables that are not set. */
export function filesOf(target: Target, service: NamedService): ServiceFiles {
  const result: ServiceFiles = { mounts: [], copies: [] };
  for (const reference of service.secrets ?? []) {
    const name = reference.target || reference.source;
    const path = name.startsWith("/") ? name : `/run/secrets/${name}`;
    add(target, service, "secret", target.project.secrets[reference.source], reference, path, result);
  }
  for (const reference of service.configs ?? []) {
    const name = reference.target || reference.source;
    const path = name.startsWith("/") ? name : `/${name}`;
    add(target, service, "config", target.project.configs[reference.source], reference, path, result);
  }
  return result;
}

function add(
  target: Target,
  service: NamedService,
  kind: "secret" | "config",
  definition: FileObject | undefined,
  reference: FileReference,
  path: string,
  result: ServiceFiles,
): void {
  const name = reference.source;
  if (definition === undefined) {
    throw invalidParameter(
      `service ${JSON.stringify(service.name)} refers to undefined ${kind} ${name}: invalid compose project`,
    );
  }
  if (definition.external) throw invalidParameter(`unsupported external ${kind} ${name}`);
  const owned = reference.uid !== undefined || reference.gid !== undefined || reference.mode !== undefined;
  if (definition.file !== undefined && definition.file !== "" && !owned) {
    result.mounts.push({ Type: "bind", Source: definition.file, Target: path, ReadOnly: true });
    return;
  }
  result.copies.push({
    path,
    content: contentOf(target, kind, name, definition),
    uid: Number(reference.uid ?? 0) || 0,
    gid: Number(reference.gid ?? 0) || 0,
    mode: (reference.mode ?? READABLE) & 0o7777,
  });
}

function contentOf(
  target: Target,
  kind: string,
  name: string,
  definition: FileObject,
): CopiedFile["content"] {
  if (definition.file) return { file: definition.file };
  if (definition.content !== undefined) return definition.content;
  const variable = definition.environment;
  if (variable === undefined) throw invalidParameter(`${kind} ${JSON.stringify(name)} has no source`);
  const value = target.environment[variable];
  if (value === undefined) {
    throw invalidParameter(
      `environment variable ${JSON.stringify(variable)} required by ${kind} ${JSON.stringify(name)} is not set`,
    );
  }
  return value;
}
