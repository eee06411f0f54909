import type { SourceRange } from "../graph/operation.ts";
import { DEFAULT_LINT, Directives, parseLintOptions } from "./directives.ts";
import { DockerfileError, locate } from "./error.ts";
import { heredocsOf } from "./heredoc.ts";
import { readStatement } from "./line.ts";
import {
  MAX_DOCKERFILE_BYTES,
  MAX_HEREDOCS,
  MAX_STATEMENTS,
  type ParsedDockerfile,
  type Statement,
} from "./statement.ts";

const HEREDOC_KEYWORDS = new Set(["add", "copy", "run"]);
const BOM = "\uFEFF";

/** The text of a Dockerfile. @throws DockerfileError when it is too large. */
export function decodeDockerfile(bytes: Uint8Array): string {
  if (bytes.length > MAX_DOCKERFILE_BYTES) {
    throw new DockerfileError(`dockerfile is larger than the maximum of ${MAX_DOCKERFILE_BYTES} bytes`);
  }
  return Buffer.from(bytes).toString("utf8");
}

/**
 * Splits a Dockerfile into instructions, without a look at their meaning. Lines end with `\n` or `\r\n`.
 * @throws DockerfileError with the lines.
 */
export function parseDockerfile(text: string): ParsedDockerfile {
  if (text.length > MAX_DOCKERFILE_BYTES) {
    throw new DockerfileError(`dockerfile is larger than the maximum of ${MAX_DOCKERFILE_BYTES} bytes`);
  }
  const parser = new Parser(text);
  const statements = parser.run();
  const directives = parser.directives;
  const syntax = directives.values.get("syntax");
  const check = directives.values.get("check");
  return {
    statements,
    escapeToken: directives.escapeToken,
    ...(syntax !== undefined && { syntax }),
    lint: check === undefined ? DEFAULT_LINT : parseLintOptions(check),
    emptyContinuations: parser.emptyContinuations,
  };
}

const isComment = (line: string) => line.trimStart().startsWith("#");
const withoutLineEnd = (line: string) => line.replace(/[\r\n]+$/, "");

class Parser {
  readonly directives = new Directives();
  readonly emptyContinuations: SourceRange[] = [];
  readonly #lines: string[];
  /** Lines read so far, which is the number of the last one. */
  #line = 0;
  #comments: string[] = [];

  constructor(text: string) {
    // Each line keeps its end: heredocs need it.
    this.#lines = (text.startsWith(BOM) ? text.slice(1) : text).match(/[^\n]*\n|[^\n]+$/g) ?? [];
  }

  run(): Statement[] {
    const statements: Statement[] = [];
    while (this.#line < this.#lines.length) {
      const statement = this.#next();
      if (statement === undefined) continue;
      if (statements.length === MAX_STATEMENTS) {
        throw new DockerfileError(`dockerfile has more than ${MAX_STATEMENTS} instructions`);
      }
      statements.push(statement);
    }
    if (statements.length === 0) throw new DockerfileError("file with no instructions");
    return statements;
  }

  #next(): Statement | undefined {
    const line = withoutLineEnd(this.#lines[this.#line++]!).trimStart();
    const start = this.#line;
    try {
      if (line.startsWith("#")) {
        if (this.directives.accept(line)) return undefined;
        const comment = line.slice(1).trim();
        if (comment === "") this.#comments = [];
        else this.#comments.push(comment);
        return undefined;
      }
      this.directives.accept(line);
      if (line === "") {
        this.#comments = [];
        return undefined;
      }
      const logical = this.#continue(line);
      const statement = readStatement(logical, this.directives.escapeToken);
      statement.comments = this.#comments;
      this.#comments = [];
      this.#readHeredocs(statement);
      statement.range = { start, end: this.#line };
      for (let inner = statement.trigger; inner !== undefined; inner = inner.trigger) {
        inner.range = statement.range;
      }
      return statement;
    } catch (error) {
      throw locate(error, { start, end: this.#line });
    }
  }

  /** Joins the lines that an escape at the end continues. */
  #continue(first: string): string {
    let [text, ended] = this.#trimContinuation(first);
    let empty = false;
    const parts = [text];
    while (!ended && this.#line < this.#lines.length) {
      const line = withoutLineEnd(this.#lines[this.#line++]!);
      if (isComment(line)) continue;
      if (line.trim() === "") {
        empty = true;
        continue;
      }
      [text, ended] = this.#trimContinuation(line);
      parts.push(text);
    }
    if (empty) this.emptyContinuations.push({ start: this.#line, end: this.#line });
    return parts.join("");
  }

  /** An escape at the end, maybe followed by blanks, continues the line unless it is escaped itself. */
  #trimContinuation(line: string): [text: string, ended: boolean] {
    const trimmed = line.replace(/[ \t]+$/, "");
    const { escapeToken } = this.directives;
    if (!trimmed.endsWith(escapeToken) || trimmed.endsWith(escapeToken + escapeToken)) return [line, true];
    return [trimmed.slice(0, -1), false];
  }

  #readHeredocs(statement: Statement): void {
    let holder: Statement | undefined = statement;
    while (holder?.trigger !== undefined) holder = holder.trigger;
    if (holder === undefined || !HEREDOC_KEYWORDS.has(holder.keyword.toLowerCase()) || holder.json) return;
    const starts = heredocsOf(statement.original);
    if (starts.length > MAX_HEREDOCS) throw new DockerfileError(`more than ${MAX_HEREDOCS} heredocs`);
    for (const start of starts) {
      const content: string[] = [];
      for (;;) {
        const line = this.#lines[this.#line++];
        if (line === undefined) {
          this.#line--;
          throw new DockerfileError("unterminated heredoc");
        }
        const end = withoutLineEnd(line);
        if ((start.chomp ? end.replace(/^\t+/, "") : end) === start.name) break;
        content.push(line);
      }
      statement.heredocs.push({ ...start, content: content.join("") });
    }
    if (holder !== statement) holder.heredocs = statement.heredocs;
  }
}
