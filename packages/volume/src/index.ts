export type { VolumeMount } from "./options.ts";
export * from "./record.ts";
export { SqliteVolumeStore } from "./sqlite-store.ts";
export * from "./volumes.ts";
