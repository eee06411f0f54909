export * from "./mounts.ts";
