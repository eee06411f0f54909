const cache = new Map<string, RegExp>();
const MAX_CACHED = 200;

/** True when a name of one path part has a wildcard of Go's filepath.Match in it. */
export function hasWildcard(part: string): boolean {
  return /[*?[\\]/.test(part);
}

/** Go's filepath.Match for one part of a path: `*`, `?`, `[a-z]`, `[^a]`, `\x`. A malformed pattern matches nothing. */
export function matchPart(pattern: string, name: string): boolean {
  let expression = cache.get(pattern);
  if (expression === undefined) {
    expression = compile(pattern);
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(pattern, expression);
  }
  return expression.test(name);
}

const NEVER = /(?!)/;

function compile(pattern: string): RegExp {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string;
    if (c === "*") {
      // Runs of stars mean one, and would make matching slow.
      if (!source.endsWith("[^]*")) source += "[^]*";
    } else if (c === "?") source += "[^]";
    else if (c === "\\") {
      const next = pattern[++i];
      if (next === undefined) return NEVER;
      source += escaped(next);
    } else if (c === "[") {
      const group = readClass(pattern, i);
      if (group === undefined) return NEVER;
      source += group.source;
      i = group.end;
    } else source += escaped(c);
  }
  try {
    return new RegExp(`^${source}$`, "u");
  } catch {
    return NEVER;
  }
}

function readClass(pattern: string, start: number): { source: string; end: number } | undefined {
  let i = start + 1;
  const negated = pattern[i] === "^";
  if (negated) i++;
  let source = "";
  for (let first = true; ; first = false) {
    const c = pattern[i];
    if (c === undefined) return undefined;
    if (c === "]" && !first) return { source: `[${negated ? "^" : ""}${source}]`, end: i };
    const low = readClassCharacter(pattern, i);
    if (low === undefined) return undefined;
    i = low.next;
    source += escaped(low.character);
    if (pattern[i] === "-") {
      const high = readClassCharacter(pattern, i + 1);
      if (high === undefined || high.character < low.character) return undefined;
      source += `-${escaped(high.character)}`;
      i = high.next;
    }
  }
}

function readClassCharacter(pattern: string, at: number): { character: string; next: number } | undefined {
  const c = pattern[at];
  if (c === undefined || c === "-" || c === "]") return undefined;
  if (c !== "\\") return { character: c, next: at + 1 };
  const next = pattern[at + 1];
  return next === undefined ? undefined : { character: next, next: at + 2 };
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}
