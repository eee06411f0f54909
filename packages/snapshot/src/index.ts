export * from "./snapshots.ts";
