import { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** Syncs a folder: names that were made in it stay after a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder with its parents. @returns the folders in which a name is new: they need a sync. */
export function makeFolder(path: string): string[] {
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return [];
  const changed: string[] = [];
  for (let at = path; at.length >= first.length; at = dirname(at)) changed.push(dirname(at));
  return changed;
}
