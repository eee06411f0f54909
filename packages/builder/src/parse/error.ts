import { BerthError } from "@berth/base";
import type { SourceRange } from "../graph/operation.ts";

/** A mistake in the Dockerfile: says where. Its message is BuildKit's, without the `failed to solve: ` in front. */
export class DockerfileError extends BerthError {
  readonly ranges: readonly SourceRange[];

  constructor(message: string, ranges: readonly SourceRange[] = [], cause?: unknown) {
    super("invalid-parameter", message, cause === undefined ? {} : { cause });
    this.name = "DockerfileError";
    this.ranges = ranges;
  }
}

/** The error with a place, if it has none yet; anything that is not a `BerthError` is passed on as it is. */
export function locate(error: unknown, range: SourceRange): unknown {
  if (error instanceof DockerfileError) {
    return error.ranges.length > 0 ? error : new DockerfileError(error.message, [range], error);
  }
  if (error instanceof BerthError) {
    places.set(error, places.get(error) ?? [range]);
  }
  return error;
}

/** Where errors of other classes (an image that is not found) came up. */
const places = new WeakMap<object, readonly SourceRange[]>();

/** Lines of the Dockerfile that an error is about. */
export function rangesOf(error: unknown): readonly SourceRange[] {
  if (error instanceof DockerfileError) return error.ranges;
  return (typeof error === "object" && error !== null && places.get(error)) || [];
}

/** Lines shown before and after those that an error is about. */
const CONTEXT_LINES = 2;
const MAX_SHOWN_LINES = 20;
const RULE = "--------------------";

/**
 * The lines in question as Docker's clients print them below a failed build:
 * ```
 * Dockerfile:3
 * --------------------
 *    1 |     FROM busybox
 *    3 | >>> RUNN true
 * --------------------
 * ```
 * Empty text when the ranges lie outside the file.
 */
export function formatExcerpt(source: string, ranges: readonly SourceRange[], filename: string): string {
  const lines = source.split("\n");
  const valid = ranges.filter((range) => range.start >= 1 && range.start <= lines.length);
  if (valid.length === 0) return "";
  const first = Math.min(...valid.map((range) => range.start));
  const last = Math.min(lines.length, Math.max(...valid.map((range) => Math.max(range.start, range.end))));
  const from = Math.max(1, first - CONTEXT_LINES);
  const to = Math.min(lines.length, last + CONTEXT_LINES, from + MAX_SHOWN_LINES - 1);
  const marked = (line: number) =>
    valid.some((range) => line >= range.start && line <= Math.max(range.start, range.end));
  const shown: string[] = [`${filename}:${first}`, RULE];
  for (let line = from; line <= to; line++) {
    const mark = marked(line) ? ">>>" : "   ";
    shown.push(`${String(line).padStart(4)} | ${mark} ${lines[line - 1]!.replace(/\r$/, "")}`);
  }
  shown.push(RULE);
  return `${shown.join("\n")}\n`;
}
