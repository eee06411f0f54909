export * from "./go-duration.ts";
export * from "./image-config.ts";
export * from "./json-reader.ts";
export * from "./manifest.ts";
export * from "./media-types.ts";
export * from "./mounts.ts";
export * from "./platform.ts";
export * from "./reference.ts";
