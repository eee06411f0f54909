import { CommandError } from "../errors.ts";
import { writeWhole } from "../io/files.ts";
import type { ConfigFile } from "./config-file.ts";

const MOST_LINKS = 40;

/**
 * Rewrites config.json: what `change` does not touch stays, fields that we do not know too. Readable by its owner only,
 * for it may hold credentials.
 * @throws CommandError, and leaves the file alone, when it is no JSON object.
 */
export async function changeConfig(folder: string, change: (file: ConfigFile) => void): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  const path = `${folder}/config.json`;
  const file = Bun.file(path);
  let config: ConfigFile = { auths: {} };
  const isThere = await file.exists();
  if (isThere) {
    try {
      const value: unknown = JSON.parse(await file.text());
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new Error("it is no object");
      config = value as ConfigFile;
    } catch (error) {
      throw new CommandError(`cannot change ${path}: ${(error as Error).message}`);
    }
  }
  const before = JSON.stringify(config);
  change(config);
  if (JSON.stringify(config) === before) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(await targetOf(path), [new TextEncoder().encode(JSON.stringify(config, null, "\t"))]);
}

/** Where the file really lies: people keep theirs elsewhere behind a link, which stays one; it may lead to nothing yet. */
async function targetOf(path: string): Promise<string> {
  const { readlink } = await import("node:fs/promises");
  const { resolve, dirname } = await import("node:path");
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return at;
    at = resolve(dirname(at), next);
  }
  throw new CommandError(`cannot change ${path}: too many links`);
}
