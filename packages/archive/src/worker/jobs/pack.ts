import { invalidParameter } from "@berth/base";
import { closeQuietly, O, open } from "@berth/linux";
import type { RootfsMount } from "@berth/spec";
import { ADDED, DELETED, listChanges, MODIFIED } from "../../changes/changes.ts";
import { pathBelowRoot } from "../../files/names.ts";
import { type PackOptions, pack } from "../../pack/pack.ts";
import { writeArchive } from "../output.ts";
import type { DiffJob, OutputOptions, OutputResult, PackJob } from "../protocol.ts";
import { enterView } from "../view.ts";

const FOLDER = O.RDONLY | O.DIRECTORY;

export async function runPack(job: PackJob): Promise<OutputResult> {
  enterView(job.view);
  return await packFolder("/", { ...commonOptions(job), ...excluded(job.exclude) }, job);
}

export async function runDiff(job: DiffJob): Promise<OutputResult> {
  if (job.kind === "overlay") {
    const patch = job.below === undefined ? {} : { below: open(job.below, FOLDER) };
    enterView({ kind: "folder", path: job.upper });
    const options = { ...commonOptions(job), ...excluded(job.exclude), ...patch, overlay: true };
    return await packFolder("/", options, job);
  }
  if (job.base === undefined) throw invalidParameter("a whole tree needs a base to be compared with");
  const upper = open(job.upper, FOLDER);
  const lower = openLower(job.base);
  const { changes } = listChanges({ upper, lower, kind: "whole" });
  for (const fd of lower) closeQuietly(fd);
  const only = new Set<string>();
  const deleted: string[] = [];
  for (const { path, kind } of changes) {
    if (kind === ADDED || kind === MODIFIED) only.add(path.slice(1));
    else if (kind === DELETED) deleted.push(path.slice(1));
  }
  closeQuietly(upper);
  enterView({ kind: "folder", path: job.upper });
  return await packFolder("/", { ...commonOptions(job), ...excluded(job.exclude), only, deleted }, job);
}

/** The folders of a root file system that is not mounted, topmost first. */
export function openLower(rootfs: RootfsMount): number[] {
  if (rootfs.kind === "directory") return [open(rootfs.path, FOLDER)];
  const paths = rootfs.upper === undefined ? rootfs.lower : [rootfs.upper, ...rootfs.lower];
  return paths.map((path) => open(path, FOLDER));
}

function commonOptions(options: OutputOptions): PackOptions {
  return { subSecondTimes: options.subSecondTimes === true, sparse: options.sparse !== false };
}

function excluded(paths: readonly string[] | undefined): PackOptions {
  if (paths === undefined) return {};
  return { exclude: new Set(paths.map((path) => pathBelowRoot(path) ?? "")) };
}

async function packFolder(path: string, options: PackOptions, output: OutputOptions): Promise<OutputResult> {
  const root = open(path, FOLDER);
  try {
    return await writeArchive(pack(root, options), output);
  } finally {
    closeQuietly(root);
  }
}
