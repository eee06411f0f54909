export { openCopySnapshots } from "./copy/copy-snapshots.ts";
export type { LayerJobs } from "./jobs.ts";
export { Trash } from "./layers/trash.ts";
export { openOverlaySnapshots, type SnapshotOptions } from "./overlay/overlay-snapshots.ts";
export * from "./snapshots.ts";
export { workerLayerJobs } from "./worker-jobs.ts";
