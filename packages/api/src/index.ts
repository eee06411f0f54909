export * from "./filters.ts";
export * from "./go-json.ts";
export type * from "./types/index.ts";
export * from "./versions.ts";
