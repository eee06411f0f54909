import { DockerfileError } from "../parse/error.ts";

/**
 * Shell patterns of `${v#p}` and `${v/p/r}`: `*` any characters but a line end, `?` one of them, `\` keeps `*`, `?` and `\`.
 * Matching takes time proportional to pattern and text: a regular expression could run away.
 */
type Token = { any: "*" | "?" } | { literal: string };

/** Steps that one substitution may take. */
const MAX_STEPS = 10_000_000;
const MAX_PATTERN = 4096;

export class ShellPattern {
  readonly #tokens: Token[];
  #steps = 0;

  /** @throws DockerfileError for a wrong escape. */
  constructor(pattern: string) {
    this.#tokens = tokenize(pattern);
  }

  /** End of the shortest or longest match that begins at `start`; -1 for none. */
  matchAt(text: string, start: number, longest: boolean): number {
    let active = new Set<number>();
    const add = (set: Set<number>, state: number) => {
      for (let at = state; ; at++) {
        set.add(at);
        const token = this.#tokens[at];
        if (token === undefined || !("any" in token) || token.any !== "*") return;
      }
    };
    add(active, 0);
    const end = this.#tokens.length;
    let best = -1;
    for (let at = start; ; at++) {
      if (active.has(end)) {
        best = at;
        if (!longest) return best;
      }
      const character = text[at];
      if (character === undefined || active.size === 0) return best;
      this.#count(active.size);
      const next = new Set<number>();
      for (const state of active) {
        const token = this.#tokens[state];
        if (token === undefined) continue;
        if ("literal" in token) {
          if (token.literal === character) add(next, state + 1);
        } else if (character !== "\n") add(next, token.any === "*" ? state : state + 1);
      }
      active = next;
    }
  }

  /** `${v#p}`, `${v##p}`. */
  trimPrefix(text: string, longest: boolean): string {
    const end = this.matchAt(text, 0, longest);
    return end < 0 ? text : text.slice(end);
  }

  /** `${v%p}`, `${v%%p}`. */
  trimSuffix(text: string, longest: boolean): string {
    const backwards = new ShellPattern("");
    backwards.#tokens.push(...this.#tokens.toReversed());
    return reverse(backwards.trimPrefix(reverse(text), longest));
  }

  /** `${v/p/r}`, `${v//p/r}`: the leftmost match, as long as can be. */
  replace(text: string, replacement: string, all: boolean): string {
    let result = "";
    let from = 0;
    for (let at = 0; at <= text.length; ) {
      const end = this.matchAt(text, at, true);
      if (end < 0 || (end === at && at === text.length && at > 0)) {
        at++;
        continue;
      }
      result += text.slice(from, at) + replacement;
      from = end;
      if (!all) break;
      if (end === at) {
        result += text.slice(at, at + 1);
        from = Math.min(at + 1, text.length);
        at++;
      } else at = end;
    }
    return result + text.slice(from);
  }

  #count(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new DockerfileError("substitution takes too long");
  }
}

function tokenize(pattern: string): Token[] {
  if (pattern.length > MAX_PATTERN) throw new DockerfileError("pattern in substitution is too long");
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === "*" || character === "?") {
      tokens.push({ any: character });
    } else if (character === "\\") {
      const next = pattern[at + 1];
      // Only there to keep `}` and `/` from ending the substitution.
      if (next === "}" || next === "/") continue;
      if (next !== "*" && next !== "?" && next !== "\\") {
        throw new DockerfileError(
          `invalid pattern (${pattern}) in substitution: invalid escapeToken '\\${next ?? ""}'`,
        );
      }
      tokens.push({ literal: next });
      at++;
    } else tokens.push({ literal: character });
  }
  return tokens;
}

const reverse = (text: string) => text.split("").reverse().join("");
