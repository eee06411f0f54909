import { systemError } from "@berth/base";
import {
  closeQuietly,
  fstat,
  isErrno,
  lseek,
  O,
  open,
  readDirectory,
  readFull,
  S,
  SEEK,
  statIfExists,
} from "@berth/linux";
import { listChanges } from "../../changes/changes.ts";
import { Directories } from "../../files/directories.ts";
import { joined } from "../../files/names.ts";
import { openInView } from "../container-path.ts";
import type {
  ChangesJob,
  ChangesResult,
  DiskUsageJob,
  DiskUsageResult,
  FolderSizesJob,
  FolderSizesResult,
  ReadFileJob,
  ReadFileResult,
} from "../protocol.ts";
import { enterView } from "../view.ts";
import { openLower } from "./pack.ts";

const FOLDER = O.RDONLY | O.DIRECTORY;

export function runChanges(job: ChangesJob): ChangesResult {
  const upper = open(job.upper, FOLDER);
  const lower = openLower(job.base);
  // All that is needed is open.
  enterView({ kind: "folder", path: job.upper });
  return listChanges({ upper, lower, kind: job.kind });
}

export function runReadFile(job: ReadFileJob): ReadFileResult {
  enterView(job.view);
  return { contents: job.paths.map((path) => readBounded(path, job.limit)) };
}

function readBounded(path: string, limit: number): string | null {
  let fd: number;
  try {
    fd = openInView(path, O.RDONLY | O.NONBLOCK | O.NOCTTY);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EXDEV")) return null;
    throw error;
  }
  try {
    if ((fstat(fd).mode & S.IFMT) !== S.IFREG) return null;
    const content = Buffer.alloc(limit + 1);
    const length = readFull(fd, content);
    if (length > limit) throw systemError(`${path} is larger than ${limit} bytes`);
    return content.toString("base64", 0, length);
  } finally {
    closeQuietly(fd);
  }
}

export function runDiskUsage(job: DiskUsageJob): DiskUsageResult {
  enterView({ kind: "folder", path: job.folder });
  return usageOf(open("/", FOLDER));
}

export function runFolderSizes({ folders }: FolderSizesJob): FolderSizesResult {
  return {
    sizes: folders.map((folder) => {
      let root: number;
      try {
        root = open(folder, FOLDER | O.NOFOLLOW);
      } catch (error) {
        if (isErrno(error, "ENOENT", "ENOTDIR")) return null;
        throw error;
      }
      try {
        return usageOf(root).apparent;
      } finally {
        closeQuietly(root);
      }
    }),
  };
}

/** Of what is below an open folder; no link is followed. */
function usageOf(root: number): DiskUsageResult {
  using directories = new Directories(root);
  const result: DiskUsageResult = { allocated: fstat(root).blocks * 512, apparent: 0, entries: 0 };
  const seen = new Set<string>();
  const folders = [""];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    try {
      const { fd } = directories.find(path);
      lseek(fd, 0, SEEK.SET);
      for (const { name } of readDirectory(fd)) {
        const stat = statIfExists(fd, name);
        if (stat === undefined) continue;
        result.entries++;
        const isFolder = (stat.mode & S.IFMT) === S.IFDIR;
        if (!isFolder && stat.nlink > 1) {
          const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.ino}`;
          if (seen.has(key)) continue;
          seen.add(key);
        }
        result.allocated += stat.blocks * 512;
        if (isFolder) folders.push(joined(path, name));
        else result.apparent += stat.size;
      }
    } catch (error) {
      // A running container removes folders while we look.
      if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
  return result;
}
