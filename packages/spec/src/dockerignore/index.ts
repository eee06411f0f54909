/** Patterns of `.dockerignore`: used by the builder, and by clients that send a context. */
export { IgnoreMatcher, type IgnoreState, type IgnoreVerdict } from "./matcher.ts";
export { PathPattern } from "./pattern.ts";
export { cleanPattern, ignoreFileNames, MAX_IGNORE_BYTES, readIgnoreFile } from "./read.ts";
