export { type ImageStoreOptions, openImageStore } from "./image-store.ts";
export * from "./images.ts";
export type { ImageJobs } from "./jobs.ts";
export { humanSize, progressMessage } from "./progress.ts";
export * from "./store.ts";
export type { TransferLimits } from "./transfers.ts";
export { workerImageJobs } from "./worker-jobs.ts";
