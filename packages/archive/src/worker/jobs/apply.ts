import { closeQuietly, isErrno, O, open, openat2, RESOLVE, syncfs } from "@berth/linux";
import { Applier } from "../../apply/applier.ts";
import { decompress, detectStream } from "../../compression/index.ts";
import { TarReader } from "../../tar/index.ts";
import { awaitEnd, readDescriptor, readGrowing } from "../input.ts";
import { digestOf } from "../output.ts";
import { type ApplyJob, type ApplyResult, FOLLOW_FD } from "../protocol.ts";
import { enterView } from "../view.ts";

export async function runApply(job: ApplyJob): Promise<ApplyResult> {
  // Hashing costs as much as all else that is done for a large file: only what was asked for is hashed.
  const packed = job.inputDigest ? new Bun.CryptoHasher("sha256") : undefined;
  let compressedSize = 0;
  function* counted(): Generator<Uint8Array> {
    const input = job.follow === undefined ? readDescriptor(0) : readGrowing(0, FOLLOW_FD, job.follow.size);
    for (const bytes of input) {
      packed?.update(bytes);
      compressedSize += bytes.length;
      yield bytes;
    }
  }
  const { compression, source } = await detectStream(counted());
  const content = compression === "none" ? source : decompress(compression, source);
  const pieces = content[Symbol.asyncIterator]();
  // A program for the compression is started by the first piece: it has to come before the view.
  let piece = await pieces.next();

  const lower = (job.lower ?? []).map((path) => open(path, O.RDONLY | O.DIRECTORY));
  const later = job.follow?.root === undefined ? -1 : open(job.follow.root, O.RDONLY | O.DIRECTORY);
  enterView({ kind: "folder", path: job.folder });
  const root = open("/", O.RDONLY | O.DIRECTORY);
  using applier = new Applier(root, {
    whiteouts: job.whiteouts,
    ...(job.follow === undefined ? { lower } : { lowerLater: true }),
    ...(job.climbing && { climbing: job.climbing }),
  });
  const reader = new TarReader(applier);
  const isPlain = compression === "none";
  const plain =
    job.known !== undefined || (isPlain && packed !== undefined) ? undefined : new Bun.CryptoHasher("sha256");
  let size = 0;
  for (; !piece.done; piece = await pieces.next()) {
    plain?.update(piece.value);
    size += piece.value.length;
    reader.push(piece.value);
  }
  reader.finish();
  if (job.follow !== undefined) {
    awaitEnd(FOLLOW_FD);
    for (const places of job.follow.layers) lower.push(openOneOf(later, places));
    applier.inherit(lower);
  }
  const facts = applier.finish();
  if (job.sync) syncfs(root);
  for (const fd of [root, later, ...lower]) closeQuietly(fd);
  const input = packed && digestOf(packed);
  const diffId = job.known ?? (plain === undefined ? input! : digestOf(plain));
  const digest = input ?? (isPlain ? diffId : undefined);
  return {
    diffId,
    size,
    compression,
    ...(digest && { digest }),
    compressedSize,
    ...facts,
  };
}

/** A layer that is moved once: when it is not at its first place, it is at the next. */
function openOneOf(root: number, places: readonly string[]): number {
  for (const [index, path] of places.entries()) {
    try {
      return openat2(root, path, O.RDONLY | O.DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
    } catch (error) {
      if (index === places.length - 1 || !isErrno(error, "ENOENT")) throw error;
    }
  }
  throw new Error("a layer without a place");
}
