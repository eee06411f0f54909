export type { VolumeMount } from "./options.ts";
export * from "./record.ts";
export * from "./volumes.ts";
