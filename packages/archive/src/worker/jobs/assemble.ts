import { invalidParameter } from "@berth/base";
import { closeQuietly, O, open, openat, read, S } from "@berth/linux";
import { Applier } from "../../apply/applier.ts";
import { decompress, detectStream } from "../../compression/index.ts";
import { Directories } from "../../files/directories.ts";
import { baseOf, cleaned, folderOf, joined } from "../../files/names.ts";
import { TarReader } from "../../tar/index.ts";
import { TreePlacer } from "../../tree/place-tree.ts";
import type { AssembleCopy, AssembleJob, AssembleResult } from "../protocol.ts";
import { enterOpenView, openView, ownMounts } from "../view.ts";
import { digestLayer } from "./digests.ts";

const PIECE = 256 * 1024;
const FIRST_BLOCK = 512;

interface Archive {
  pieces: AsyncIterator<Uint8Array>;
  first: IteratorResult<Uint8Array>;
}

/** COPY and ADD: entries of other trees, and contents, into one tree. */
export async function runAssemble(job: AssembleJob): Promise<AssembleResult> {
  ownMounts();
  // Sources first: the target may be mounted on a folder that one of them is made of.
  const sources = job.sources.map((view) => {
    const fd = openView(view, true);
    const readable = openat(fd, ".", O.RDONLY | O.DIRECTORY);
    closeQuietly(fd);
    return readable;
  });
  const folders = sources.map((fd) => new Directories(fd));
  const archives = await openArchives(job, folders);
  const upper = job.digest === undefined ? undefined : open(job.digest, O.RDONLY | O.DIRECTORY);
  enterOpenView(job.target);
  const root = open("/", O.RDONLY | O.DIRECTORY);
  const { owner, mode, epoch } = job;
  using placer = new TreePlacer(root, {
    ...(owner && { owner }),
    ...(mode && { mode }),
    ...(epoch !== undefined && { epoch }),
  });
  const placeOf = (path: string) => placer.resolve(cleaned(`/${path}`).slice(1));
  const destination = placeOf(job.destination);
  for (const path of job.folders ?? []) placer.makeFolder(placeOf(path));
  const warnings: string[] = [];
  for (const copy of job.copies) {
    const archive = archives.get(copy);
    if (archive === undefined) placeCopy(placer, copy, folders, destination, job.into);
    else warnings.push(...(await unpack(placer, archive, root, destination)));
  }
  for (const { name, content } of job.inline ?? []) {
    const bytes = Buffer.from(content, "base64");
    placer.write(fileTarget(placer, name, destination, job.into), bytes, 0o644);
  }
  placer.finish();
  const { changed, followedLinks, entries, contentSize } = placer;
  for (const fd of [root, ...sources]) closeQuietly(fd);
  const layer = upper === undefined ? undefined : digestLayer(upper);
  return { changed, followedLinks, entries, contentSize, warnings, ...(layer && { layer }) };
}

function placeCopy(
  placer: TreePlacer,
  copy: AssembleCopy,
  folders: readonly Directories[],
  destination: string,
  into: boolean,
): void {
  const top = copy.entries[0];
  if (top === undefined) return;
  const source = folders[copy.source] as Directories;
  const isFolder = (top.mode & S.IFMT) === S.IFDIR;
  let target: string;
  if (copy.as !== undefined) target = joined(destination, copy.as);
  else if (isFolder) target = destination;
  else target = fileTarget(placer, copy.name, destination, into);
  for (const entry of copy.entries) {
    const below = entry.path.slice(top.path.length).replace(/^\//, "");
    const path = below === "" ? target : joined(target, below);
    placer.copy(String(copy.source), source, entry, path, {
      isTop: entry === top && copy.as === undefined,
      keepOwner: copy.keepOwner === true,
    });
  }
}

function fileTarget(placer: TreePlacer, name: string, destination: string, into: boolean): string {
  const kind = placer.kindAt(destination);
  if (into && kind !== undefined && kind !== S.IFDIR)
    throw invalidParameter(`cannot copy to non-directory: /${destination}`);
  return into || kind === S.IFDIR ? joined(destination, name) : destination;
}

/** The sources that are archives, each with its first piece: programs that decompress start before this process loses sight of them. */
async function openArchives(
  job: AssembleJob,
  folders: readonly Directories[],
): Promise<Map<AssembleCopy, Archive>> {
  const found = new Map<AssembleCopy, Archive>();
  for (const copy of job.copies) {
    const entry = copy.entries[0];
    if (!copy.unpack || entry === undefined || (entry.mode & S.IFMT) !== S.IFREG) continue;
    const folder = (folders[copy.source] as Directories).find(folderOf(entry.path)).fd;
    const fd = openat(folder, baseOf(entry.path), O.RDONLY | O.NOFOLLOW);
    try {
      const { compression, source } = await detectStream(piecesOf(fd));
      const content = compression === "none" ? source : decompress(compression, source);
      const pieces = content[Symbol.asyncIterator]();
      const first = await pieces.next();
      if (!first.done && isTar(first.value)) found.set(copy, { pieces, first });
      else closeQuietly(fd);
    } catch {
      // Not an archive after all: copied as it is.
      closeQuietly(fd);
    }
  }
  return found;
}

function* piecesOf(fd: number): Generator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(PIECE);
    const count = read(fd, buffer);
    if (count <= 0) {
      closeQuietly(fd);
      return;
    }
    yield buffer.subarray(0, count);
  }
}

/** By the checksum of the first header (ustar and older forms), or an empty archive. */
function isTar(bytes: Uint8Array): boolean {
  if (bytes.length < FIRST_BLOCK) return false;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, FIRST_BLOCK);
  const stated = Number.parseInt(header.toString("latin1", 148, 156).replace(/[\0 ]/g, " ").trim(), 8);
  let sum = 0;
  for (let i = 0; i < FIRST_BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] as number);
  return stated === sum;
}

async function unpack(
  placer: TreePlacer,
  archive: Archive,
  root: number,
  destination: string,
): Promise<string[]> {
  const folder = openat(placer.makeFolder(destination), ".", O.RDONLY | O.DIRECTORY);
  using applier = new Applier(folder, {
    whiteouts: "keep",
    skipRoot: true,
    // What is unpacked has the owners that the archive says, whatever `--chown` is.
    scope: { folder: root, prefix: destination === "" ? "" : `${destination}/` },
  });
  const reader = new TarReader(applier);
  for (let piece = archive.first; !piece.done; piece = await archive.pieces.next()) reader.push(piece.value);
  reader.finish();
  const facts = applier.finish();
  placer.entries += facts.entries;
  placer.contentSize += facts.contentSize;
  closeQuietly(folder);
  return facts.warnings;
}
