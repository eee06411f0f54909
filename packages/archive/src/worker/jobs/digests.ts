import { closeQuietly, O, open } from "@berth/linux";
import { pack } from "../../pack/pack.ts";
import { readPieces } from "../../pack/send.ts";
import { digestOf } from "../output.ts";
import type { DigestsJob, DigestsResult, LayerDigest } from "../protocol.ts";
import { enterView } from "../view.ts";

const FOLDER = O.RDONLY | O.DIRECTORY;

/** One process for many layers: starting it costs more than most of them. */
export function runDigests(job: DigestsJob): DigestsResult {
  const trees = job.layers.map(({ upper, below }) => ({
    upper: open(upper, FOLDER),
    ...(below !== undefined && { below: open(below, FOLDER) }),
  }));
  const [first] = job.layers;
  if (first !== undefined) enterView({ kind: "folder", path: first.upper });
  return { layers: trees.map(({ upper, below }) => digestLayer(upper, below)) };
}

/** Descriptors of the folders of an overlay's changes: both are closed. */
export function digestLayer(upper: number, below?: number): LayerDigest {
  const hash = new Bun.CryptoHasher("sha256");
  const options = { overlay: true, sparse: true, subSecondTimes: false };
  const pieces = readPieces(pack(upper, { ...options, ...(below !== undefined && { below }) }));
  for (let piece = pieces.next(); ; piece = pieces.next()) {
    if (!piece.done) {
      hash.update(piece.value);
      continue;
    }
    closeQuietly(upper);
    if (below !== undefined) closeQuietly(below);
    const { size, contentSize } = piece.value;
    return { diffId: digestOf(hash), size, contentSize };
  }
}
