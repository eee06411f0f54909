export { Applier, type ApplyFacts, type ApplyOptions } from "./apply/applier.ts";
export type { WhiteoutMode } from "./apply/whiteouts.ts";
export * from "./changes/changes.ts";
export * from "./compression/index.ts";
export { copyData } from "./files/copy-data.ts";
export { copyTree } from "./files/copy-tree.ts";
export { Directories } from "./files/directories.ts";
export { removeTree } from "./files/remove-tree.ts";
export { type FileRange, type PackFacts, type PackOptions, pack } from "./pack/pack.ts";
export { readPieces, sendPieces } from "./pack/send.ts";
export * from "./tar/index.ts";
export { matchPart } from "./tree/match.ts";
export { applyFileMode, type ModeChange } from "./tree/mode.ts";
export { type Accept, inodeOf, modifiedOf, scanTree, TreeHasher, type Verdict } from "./tree/scan.ts";
export { isBelow, resolveInTree, selectPaths } from "./tree/select.ts";
export type { TreeLookup } from "./tree/tree.ts";
export {
  type JobIo,
  type RunningJob,
  runJob,
  startJob,
  workerCommand,
  workerErrorCode,
} from "./worker/client/run-job.ts";
export * from "./worker/protocol.ts";
export { runWorker } from "./worker/run.ts";
