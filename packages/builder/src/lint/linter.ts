import type { LintWarning, SourceRange } from "../graph/operation.ts";
import { type LintOptions, parseLintOptions } from "../parse/directives.ts";
import { DockerfileError } from "../parse/error.ts";
import { RULES, type RuleName } from "./rules.ts";

/** A file of a thousand faults needs no list of all of them. */
const MAX_WARNINGS = 1000;

/** Collects what the checks find, without what the file switched off. */
export class Linter {
  readonly warnings: LintWarning[];
  readonly #options: LintOptions;

  constructor(options: LintOptions, warnings: LintWarning[] = []) {
    this.#options = options;
    this.warnings = warnings;
  }

  /** The linter for one instruction: `# check=skip=…` directly above it counts for it alone. */
  withComments(comments: readonly string[]): Linter {
    const own = comments
      .map((comment) => /^check\s*=\s*(.+)$/.exec(comment)?.[1])
      .filter((each) => each !== undefined);
    if (own.length === 0) return this;
    const merged: LintOptions = { ...this.#options };
    for (const text of own) {
      const options = parseLintOptions(text);
      merged.skipAll ||= options.skipAll;
      merged.skip = [...merged.skip, ...options.skip];
      merged.experimentalAll ||= options.experimentalAll;
      merged.experimental = [...merged.experimental, ...options.experimental];
      merged.error ||= options.error;
    }
    return new Linter(merged, this.warnings);
  }

  report(rule: RuleName, detail: string, location?: SourceRange): void {
    const { skipAll, skip, experimentalAll, experimental } = this.#options;
    if (skipAll || skip.includes(rule) || this.warnings.length >= MAX_WARNINGS) return;
    if (RULES[rule].experimental && !experimentalAll && !experimental.includes(rule)) return;
    this.warnings.push({
      rule,
      description: RULES[rule].description,
      detail,
      ...(location !== undefined && { location }),
    });
  }

  /** @throws DockerfileError when the file says that findings are errors and there are some. */
  check(): void {
    if (!this.#options.error || this.warnings.length === 0) return;
    const rules = [...new Set(this.warnings.map((warning) => warning.rule))].sort();
    throw new DockerfileError(
      `lint violation found for rules: ${rules.join(", ")}`,
      this.warnings.flatMap((warning) => warning.location ?? []),
    );
  }
}
