export { BuildError, type BuildErrorDetails } from "./build-error.ts";
export * from "./builder.ts";
export * from "./context-source.ts";
export type * from "./graph/operation.ts";
export * from "./progress.ts";
