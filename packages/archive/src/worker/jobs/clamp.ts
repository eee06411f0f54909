import { AT, closeQuietly, O, open, openat, readDirectory, S, statx, utimensat } from "@berth/linux";
import type { ClampJob } from "../protocol.ts";
import { enterView } from "../view.ts";

/** See `ClampJob`. Folders come after what is in them. */
export function runClamp(job: ClampJob): { entries: number } {
  enterView({ kind: "folder", path: job.folder });
  const time = { seconds: job.epoch, nanoseconds: 0 };
  let entries = 0;
  const clampFolder = (fd: number): void => {
    for (const { name } of readDirectory(fd)) {
      const stat = statx(fd, name);
      if ((stat.mode & S.IFMT) === S.IFDIR) {
        const child = openat(fd, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
        try {
          clampFolder(child);
        } finally {
          closeQuietly(child);
        }
      }
      if (stat.mtimeSeconds < job.epoch) continue;
      utimensat(fd, name, time, time, AT.SYMLINK_NOFOLLOW);
      entries++;
    }
  };
  const root = open("/", O.RDONLY | O.DIRECTORY);
  clampFolder(root);
  if (statx(root, ".").mtimeSeconds >= job.epoch) utimensat(root, ".", time, time);
  closeQuietly(root);
  return { entries };
}
