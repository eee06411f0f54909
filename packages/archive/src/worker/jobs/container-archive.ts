import { forbidden, invalidParameter } from "@berth/base";
import { closeQuietly, fstat, isErrno, libc, Memory, O, open, openat } from "@berth/linux";
import { Applier } from "../../apply/applier.ts";
import { decompress, detectStream } from "../../compression/index.ts";
import { pack } from "../../pack/pack.ts";
import { TarReader } from "../../tar/index.ts";
import { absolutePath, FoundPath, lookupFailure, openInView, resolveLinks } from "../container-path.ts";
import { readDescriptor } from "../input.ts";
import { writeArchive } from "../output.ts";
import type { ArchiveGetJob, ArchivePutJob, OutputResult, PathStat, StatJob } from "../protocol.ts";
import { enterView } from "../view.ts";

const FOLDER = O.RDONLY | O.DIRECTORY;

export function runStat(job: StatJob): PathStat {
  enterView(job.view);
  using found = new FoundPath(job.path);
  return found.facts();
}

/** The archive has the last part of the path as its only root: `/` and `.` keep their names too, as in Docker. */
export async function runArchiveGet(
  job: ArchiveGetJob,
  tell: (facts: PathStat) => void,
): Promise<OutputResult> {
  enterView(job.view);
  using found = new FoundPath(job.path);
  const facts = found.facts();
  tell(facts);
  if (!found.isFolder) return await writeArchive(pack(found.folder, { include: [found.name] }), {});
  const folder =
    found.name === "."
      ? openat(found.folder, ".", FOLDER)
      : openat(found.folder, found.name, FOLDER | O.NOFOLLOW);
  try {
    return await writeArchive(pack(folder, { rootName: facts.name }), {});
  } finally {
    closeQuietly(folder);
  }
}

export async function runArchivePut(job: ArchivePutJob): Promise<{ warnings: string[] }> {
  const { compression, source } = await detectStream(readDescriptor(0));
  const pieces = decompress(compression, source)[Symbol.asyncIterator]();
  // A program for the compression is started by the first piece: it has to come before the view.
  let piece = await pieces.next();
  enterView(job.view);
  const absolute = absolutePath(job.path);
  const folder = openDestination(absolute);
  try {
    checkWritable(folder, job.readOnlyRoot === true);
    const shown = resolveLinks(absolute);
    // Links lead where they would for the container.
    const scope = {
      folder: open("/", O.PATH | O.DIRECTORY),
      prefix: shown === "/" ? "" : `${shown.slice(1)}/`,
    };
    using applier = new Applier(folder, {
      whiteouts: "keep",
      shown,
      scope,
      skipRoot: true,
      keepKinds: job.noOverwriteDirNonDir === true,
      ...(job.owner && { owner: job.owner }),
    });
    const reader = new TarReader(applier);
    for (; !piece.done; piece = await pieces.next()) reader.push(piece.value);
    reader.finish();
    return { warnings: applier.finish().warnings };
  } finally {
    closeQuietly(folder);
  }
}

function openDestination(absolute: string): number {
  try {
    return openInView(absolute, FOLDER);
  } catch (error) {
    if (isErrno(error, "ENOTDIR") && isSomething(absolute)) {
      throw invalidParameter("extraction point is not a directory", { cause: error });
    }
    throw lookupFailure(error, absolute);
  }
}

function isSomething(absolute: string): boolean {
  try {
    closeQuietly(openInView(absolute, O.PATH));
    return true;
  } catch {
    return false;
  }
}

const ST_RDONLY = 1;
/** Of struct statfs on 64-bit Linux. */
const FLAGS_AT = 80;

/** @throws forbidden with Docker's sentences. */
function checkWritable(folder: number, readOnlyRoot: boolean): void {
  const root = open("/", O.PATH | O.DIRECTORY);
  const inRoot = fstat(root).mountId === fstat(folder).mountId;
  closeQuietly(root);
  const memory = new Memory(120);
  const isReadOnly =
    libc().fstatfs64(folder, memory.address) === 0 && (memory.getU64(FLAGS_AT) & ST_RDONLY) !== 0;
  if (inRoot && (readOnlyRoot || isReadOnly)) throw forbidden("container rootfs is marked read-only");
  if (isReadOnly) throw forbidden("mounted volume is marked read-only");
}
