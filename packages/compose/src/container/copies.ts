/** What is written into a service's containers before they start: secrets and configs that are no files of the host. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { encoded, invalidParameter, messageOf, sha256 } from "@berth/base";
import type { NamedService, Target } from "../target.ts";
import { CREDENTIALS_PATH } from "./api-socket.ts";
import { type CopiedFile, filesOf } from "./files.ts";
import type { TarEntry } from "./tar.ts";

/** @throws invalid-parameter when a file cannot be read, or as `filesOf`. */
export async function copiedFiles(target: Target, service: NamedService): Promise<TarEntry[]> {
  const { copies } = filesOf(target, service);
  return Promise.all(copies.map(async (copy) => ({ ...copy, content: await contentOf(target, copy) })));
}

async function contentOf(target: Target, { content }: CopiedFile): Promise<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  try {
    return new Uint8Array(await readFile(resolve(target.workingDirectory, content.file)));
  } catch (error) {
    throw invalidParameter(messageOf(error));
  }
}

/**
 * Another when any of them changes: path, owner, permissions or content. Credentials do not count: some are given out anew
 * each time.
 */
export function filesHash(files: readonly TarEntry[]): string {
  const counted = files.filter(({ path }) => path !== CREDENTIALS_PATH);
  const lines = counted.map(({ content, ...rest }) => [
    rest.path,
    rest.uid,
    rest.gid,
    rest.mode,
    encoded(sha256(content)),
  ]);
  return encoded(sha256(JSON.stringify(lines)));
}

/** By service, for those that have such files. */
export async function filesHashes(
  target: Target,
  services: readonly NamedService[],
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const service of services) {
    const files = await copiedFiles(target, service);
    if (files.length > 0) hashes.set(service.name, filesHash(files));
  }
  return hashes;
}
