import { posix } from "node:path";
import { invalidParameter } from "@berth/base";

export const MAX_IGNORE_BYTES = 1 << 20;
const BOM = "\uFEFF";

/**
 * Patterns of a .dockerignore, in order: comments and blank lines left out, paths cleaned and relative, `!` kept in front.
 * @throws invalid-parameter when it is too large.
 */
export function readIgnoreFile(text: string): string[] {
  if (text.length > MAX_IGNORE_BYTES) {
    throw invalidParameter(`the ignore file is larger than ${MAX_IGNORE_BYTES} bytes`);
  }
  const patterns: string[] = [];
  for (const line of (text.startsWith(BOM) ? text.slice(1) : text).split("\n")) {
    // Only `#` in the first column begins a comment.
    if (line.startsWith("#")) continue;
    let pattern = line.trim();
    if (pattern === "") continue;
    const exception = pattern.startsWith("!");
    if (exception) pattern = pattern.slice(1).trim();
    if (pattern !== "") pattern = cleanPattern(pattern);
    patterns.push(exception ? `!${pattern}` : pattern);
  }
  return patterns;
}

/** Without `./`, `..` in the middle, double and trailing slashes, and a slash in front. */
export function cleanPattern(pattern: string): string {
  const clean = posix.normalize(pattern).replace(/(.)\/+$/, "$1");
  return clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean;
}

/** Names of the ignore file that goes with a Dockerfile, the first that exists counts. */
export function ignoreFileNames(dockerfile: string): [own: string, common: string] {
  return [`${dockerfile}.dockerignore`, ".dockerignore"];
}
