import { invalidParameter } from "@berth/base";
import { PathPattern } from "./pattern.ts";
import { cleanPattern } from "./read.ts";

const MAX_PATTERNS = 10_000;

/** What is known about a folder while walking: which patterns match it or a folder above it. */
export interface IgnoreState {
  readonly matched: readonly boolean[];
}

export interface IgnoreVerdict {
  excluded: boolean;
  /** For the entries of the folder, when it is one. */
  state: IgnoreState;
  /** Excluded, and nothing below can come back by an exception: a walk can leave the folder out. */
  prune: boolean;
}

/**
 * Patterns of .dockerignore and `--exclude`: the last one that matches a path, or a folder above it, decides; `!` takes a
 * path back in. Behaves as moby's patternmatcher.
 */
export class IgnoreMatcher {
  readonly hasExceptions: boolean;
  readonly #patterns: { pattern: PathPattern; exception: boolean }[];
  readonly root: IgnoreState;

  /** @throws invalid-parameter for a pattern that is none. */
  constructor(patterns: readonly string[]) {
    if (patterns.length > MAX_PATTERNS) throw invalidParameter(`more than ${MAX_PATTERNS} ignore patterns`);
    this.#patterns = [];
    for (const text of patterns) {
      const exception = text.startsWith("!");
      const bare = (exception ? text.slice(1) : text).trim();
      if (bare === "") {
        if (exception) throw invalidParameter(`illegal exclusion pattern: "!"`);
        continue;
      }
      this.#patterns.push({ pattern: new PathPattern(cleanPattern(bare)), exception });
    }
    this.hasExceptions = this.#patterns.some((each) => each.exception);
    this.root = { matched: this.#patterns.map(() => false) };
  }

  /** True when every entry of the root is excluded. */
  get excludesAll(): boolean {
    return this.#patterns.some(
      ({ pattern, exception }) => !exception && ["*", "**", "**/*"].includes(pattern.source),
    );
  }

  /** One entry of a walk, whose folder has `parent`. @param path relative to the root, clean, with slashes. */
  check(path: string, parent: IgnoreState): IgnoreVerdict {
    const matched: boolean[] = [];
    let excluded = false;
    for (const [at, { pattern, exception }] of this.#patterns.entries()) {
      const match = parent.matched[at]! || pattern.matches(path);
      matched.push(match);
      if (match) excluded = !exception;
    }
    return {
      excluded,
      state: { matched },
      prune: excluded && !(this.hasExceptions && this.#mayComeBack(path)),
    };
  }

  /** The same for a path out of the blue. */
  excludes(path: string): boolean {
    const parts = path.split("/");
    let state = this.root;
    for (let at = 1; at < parts.length; at++) state = this.check(parts.slice(0, at).join("/"), state).state;
    return this.check(path, state).excluded;
  }

  #mayComeBack(folder: string): boolean {
    return this.#patterns.some(({ pattern, exception }) => exception && pattern.mayMatchBelow(folder));
  }
}
