import type { SourceRange } from "../graph/operation.ts";
import type { LintOptions } from "./directives.ts";

/** Bytes of a Dockerfile; more is a mistake or an attack. */
export const MAX_DOCKERFILE_BYTES = 2 << 20;
/** Instructions of one file. */
export const MAX_STATEMENTS = 10_000;
/** Heredocs of one instruction. */
export const MAX_HEREDOCS = 100;

export interface Heredoc {
  /** The word that ends it, without quotes. */
  name: string;
  /** Variables in it are expanded: no part of the word was quoted. */
  expand: boolean;
  /** `<<-`: leading tabs are removed. */
  chomp: boolean;
  fileDescriptor: number;
  /** As in the file, each line with its line end; tabs not yet removed. */
  content: string;
}

/** One instruction as written: words and flags, no meaning yet. */
export interface Statement {
  /** As written: `RUN`, `run`. */
  keyword: string;
  flags: string[];
  /**
   * By the form of the instruction: words; one text; the strings of a JSON array; for ENV and LABEL name and value in
   * turn.
   */
  args: string[];
  /** The arguments were a JSON array. */
  json: boolean;
  /** ENV and LABEL as `name value`, without `=`. */
  legacy: boolean;
  heredocs: Heredoc[];
  /** All lines in one, comments and continuations taken out. */
  original: string;
  /** What ONBUILD runs. */
  trigger?: Statement;
  range: SourceRange;
  /** Comments directly above, without `#`. */
  comments: string[];
}

export interface ParsedDockerfile {
  statements: Statement[];
  escapeToken: "\\" | "`";
  /** `# syntax=`: the frontend that the file asks for. */
  syntax?: string;
  lint: LintOptions;
  /** Last lines of the instructions that have empty continuation lines. */
  emptyContinuations: SourceRange[];
}

/** Removes the leading tabs of each line, as `<<-` asks. */
export function chompTabs(content: string): string {
  return content.replace(/^\t+/gm, "");
}
