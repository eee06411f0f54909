import { DockerfileError } from "./error.ts";

/** `# check=skip=A,B;error=true;experimental=all`. */
export interface LintOptions {
  skipAll: boolean;
  skip: string[];
  experimentalAll: boolean;
  experimental: string[];
  /** Findings fail the build. */
  error: boolean;
}

export const DEFAULT_LINT: LintOptions = Object.freeze({
  skipAll: false,
  skip: [],
  experimentalAll: false,
  experimental: [],
  error: false,
}) as LintOptions;

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const KNOWN = new Set(["escape", "syntax", "check"]);

/** The comments before everything else that steer the parser. */
export class Directives {
  escapeToken: "\\" | "`" = "\\";
  readonly values = new Map<string, string>();
  #done = false;

  /**
   * Looks at one line; true when it is a directive. After the first line that is none, no line is.
   * @throws DockerfileError when one is given twice or has a wrong value.
   */
  accept(line: string): boolean {
    if (this.#done) return false;
    const match = DIRECTIVE.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (name === undefined || !KNOWN.has(name)) {
      this.#done = true;
      return false;
    }
    if (this.values.has(name)) throw new DockerfileError(`only one ${name} parser directive can be used`);
    const value = match![2]!;
    if (name === "escape") {
      if (value !== "\\" && value !== "`") {
        throw new DockerfileError(`invalid escape token '${value}' does not match \` or \\`);
      }
      this.escapeToken = value;
    }
    this.values.set(name, value);
    return true;
  }
}

/**
 * Reads the value of `# check=` or of the build argument `BUILDKIT_DOCKERFILE_CHECK`.
 * @throws DockerfileError.
 */
export function parseLintOptions(text: string): LintOptions {
  const options: LintOptions = { ...DEFAULT_LINT, skip: [], experimental: [] };
  const seen = new Set<string>();
  for (const part of text.trim() === "" ? [] : text.split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0)
      throw new DockerfileError(`failed to parse check options: invalid check option ${quote(part)}`);
    const name = part.slice(0, equals).trim();
    const value = part.slice(equals + 1);
    if (seen.has(name)) {
      throw new DockerfileError(`failed to parse check options: duplicate check option ${quote(name)}`);
    }
    seen.add(name);
    const list = value
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "");
    if (name === "skip") {
      if (value.trim() === "all") options.skipAll = true;
      else options.skip = list;
    } else if (name === "experimental") {
      if (value.trim() === "all") options.experimentalAll = true;
      else options.experimental = list;
    } else if (name === "error") {
      const bool = parseBool(value.trim());
      if (bool === undefined) {
        throw new DockerfileError(`failed to parse check options: invalid check option ${quote(part)}`);
      }
      options.error = bool;
    } else throw new DockerfileError(`failed to parse check options: invalid check option ${quote(name)}`);
  }
  return options;
}

const quote = (text: string) => JSON.stringify(text.slice(0, 200));

/** Go's strconv.ParseBool; undefined for anything else. */
export function parseBool(text: string): boolean | undefined {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  return undefined;
}
