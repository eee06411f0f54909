export {
  IgnoreMatcher,
  type IgnoreState,
  type IgnoreVerdict,
  ignoreFileNames,
  readIgnoreFile,
} from "@berth/spec/dockerignore";
export { BuildError, type BuildErrorDetails } from "./build-error.ts";
export type * from "./builder.ts";
export { createBuilder } from "./create-builder.ts";
export { buildGraph, lintDockerfile } from "./graph/build.ts";
export { type GitRef, parseGitRef } from "./graph/git-ref.ts";
export { inputsOf } from "./graph/node-list.ts";
export type * from "./graph/operation.ts";
export type { GraphOptions, NamedContext } from "./graph/options.ts";
export { RULES } from "./lint/rules.ts";
export { type LintOptions, parseLintOptions } from "./parse/directives.ts";
export { DockerfileError, formatExcerpt, rangesOf } from "./parse/error.ts";
export { decodeDockerfile, parseDockerfile } from "./parse/parse.ts";
export type * from "./parts.ts";
