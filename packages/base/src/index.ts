export * from "./atomic-file.ts";
export * from "./digest.ts";
export * from "./errors.ts";
export * from "./id.ts";
export * from "./log.ts";
export * from "./nearest.ts";
export * from "./quietly.ts";
export * from "./time.ts";
