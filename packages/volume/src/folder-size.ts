import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Bytes of the files below a folder, a file with several names counted once. Links are not followed.
 * What disappears meanwhile counts nothing.
 */
export async function folderSize(root: string): Promise<number> {
  const seen = new Set<string>();
  const folders = [root];
  let total = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      const path = join(folder, name);
      const facts = await lstat(path).catch(() => undefined);
      if (facts === undefined) continue;
      if (facts.isDirectory()) folders.push(path);
      else if (facts.isFile()) {
        const key = `${facts.dev}:${facts.ino}`;
        if (facts.nlink > 1 && seen.has(key)) continue;
        if (facts.nlink > 1) seen.add(key);
        total += facts.size;
      }
    }
  }
  return total;
}
