import { readFileSync } from "node:fs";

/** Docker's words for file systems, where they differ from the kernel's. */
const NAMES: Record<string, string> = { ext2: "extfs", ext3: "extfs", ext4: "extfs" };

/** The file system that a folder lies on, as `docker info` names it; `<unknown>` when nothing tells. */
export function backingFilesystem(folder: string): string {
  let longest = "";
  let type = "";
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    // proc(5): …, mount point is the fifth word; the type follows the lone dash.
    const words = line.split(" ");
    const mountPoint = words[4]?.replace(/\\(\d{3})/g, (_, digits) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    if (mountPoint === undefined || mountPoint.length < longest.length) continue;
    if (mountPoint !== "/" && folder !== mountPoint && !folder.startsWith(`${mountPoint}/`)) continue;
    longest = mountPoint;
    type = words[words.indexOf("-") + 1] ?? "";
  }
  return type === "" ? "<unknown>" : (NAMES[type] ?? type);
}
