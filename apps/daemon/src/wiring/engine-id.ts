import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "@berth/base";

const PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id that `docker info` shows: made once for a data root. */
export function engineId(dataRoot: string): string {
  const path = join(dataRoot, "engine-id");
  try {
    const id = readFileSync(path, "utf8").trim();
    if (PATTERN.test(id)) return id;
  } catch {
    // A new data root.
  }
  const id = crypto.randomUUID();
  writeFileAtomic(path, id);
  return id;
}
