import { basename, dirname } from "node:path";
import { notFound } from "@berth/base";
import {
  closeQuietly,
  existsAt,
  fsync,
  isErrno,
  mount,
  O,
  open,
  openat,
  openat2,
  parseMountWords,
  RESOLVE,
  readDirectory,
  syncfs,
  unlinkat,
} from "@berth/linux";
import { copyTree } from "../../files/copy-tree.ts";
import { openInView } from "../container-path.ts";
import type { CopyUp, CopyUpJob, CopyUpResult } from "../protocol.ts";
import { enterView, ownMounts } from "../view.ts";

const FOLDER = O.RDONLY | O.DIRECTORY;

/** A volume's folder, and the file beside it that says that a copy into it is not complete. */
interface Target {
  folder: number;
  beside: number;
  mark: string;
}

/**
 * A volume that has something in it is left alone, unless the mark beside it says that a copy was broken off: then it is
 * finished. The volume's folder itself stays the same one, because other containers may have it mounted.
 */
export function runCopyUp(job: CopyUpJob): CopyUpResult {
  if (job.copies.some((copy) => copy.mount !== undefined)) ownMounts();
  const targets = job.copies.map(openTarget);
  enterView(job.view);
  return { copied: job.copies.map((copy, i) => copyOne(copy.from, targets[i] as Target)) };
}

function openTarget(copy: CopyUp): Target {
  if (copy.mount !== undefined) {
    const { flags, data } = parseMountWords(copy.mount.options);
    mount(copy.mount.source, copy.to, copy.mount.type === "bind" ? "" : copy.mount.type, flags, data);
  }
  const folder = open(copy.to, FOLDER);
  return {
    folder: copy.subpath === undefined ? folder : openSubpath(folder, copy.subpath),
    beside: open(dirname(copy.to), FOLDER),
    mark: `.${basename(copy.to)}.copying`,
  };
}

function openSubpath(folder: number, subpath: string): number {
  try {
    return openat2(folder, subpath, FOLDER, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw notFound(`cannot access path ${subpath}: no such file or directory`);
    throw error;
  }
}

function copyOne(from: string, target: Target): boolean {
  const { folder, beside, mark } = target;
  let source: number;
  try {
    source = openInView(from, FOLDER);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
  try {
    const isBroken = existsAt(beside, mark);
    if (!isBroken && readDirectory(folder).length > 0) return false;
    closeQuietly(openat(beside, mark, O.WRONLY | O.CREAT, 0o600));
    fsync(beside);
    copyTree(source, folder);
    syncfs(folder);
    unlinkat(beside, mark);
    return true;
  } finally {
    for (const fd of [source, folder, beside]) closeQuietly(fd);
  }
}
