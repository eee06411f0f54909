import { closeQuietly, O, open } from "@berth/linux";
import { pack } from "../../pack/pack.ts";
import { readPieces } from "../../pack/send.ts";
import { digestOf } from "../output.ts";
import type { DigestsJob, DigestsResult } from "../protocol.ts";
import { enterView } from "../view.ts";

/** One process for many layers: starting it costs more than most of them. */
export function runDigests(job: DigestsJob): DigestsResult {
  const folders = job.folders.map((path) => open(path, O.RDONLY | O.DIRECTORY));
  const [first] = job.folders;
  if (first !== undefined) enterView({ kind: "folder", path: first });
  const layers = folders.map((folder) => {
    const hash = new Bun.CryptoHasher("sha256");
    const pieces = readPieces(pack(folder, { overlay: true, sparse: true, subSecondTimes: false }));
    for (let piece = pieces.next(); ; piece = pieces.next()) {
      if (!piece.done) {
        hash.update(piece.value);
        continue;
      }
      closeQuietly(folder);
      const { size, contentSize } = piece.value;
      return { diffId: digestOf(hash), size, contentSize };
    }
  });
  return { layers };
}
