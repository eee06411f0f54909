export { BuildError, type BuildErrorDetails } from "./build-error.ts";
export type * from "./builder.ts";

export type * from "./graph/operation.ts";
