import { invalidParameter } from "@berth/base";

/** Longer patterns are no paths. */
const MAX_PATTERN = 4096;
/** With more of them a regular expression could take too long; those patterns are matched step by step. */
const MAX_REGEXP_STARS = 2;

type Token =
  | { kind: "text"; text: string }
  /** `?`: one character but `/`. */
  | { kind: "one" }
  /** `*`: any characters but `/`. */
  | { kind: "star" }
  /** `**` at the end: anything. */
  | { kind: "all" }
  // Two stars elsewhere, with the slash behind them: nothing, or anything up to a slash.
  | { kind: "folders"; slash: boolean }
  | { kind: "class"; negated: boolean; ranges: [from: string, to: string][] };

/**
 * One pattern as moby's patternmatcher understands it (Go's filepath.Match with `**`), without `!`, compiled into the
 * cheapest test that decides it.
 */
export class PathPattern {
  readonly source: string;
  readonly #tokens: Token[];
  readonly #test: (path: string) => boolean;

  /** @param source cleaned (`cleanPattern`). @throws invalid-parameter `syntax error in pattern: …`. */
  constructor(source: string) {
    if (source.length > MAX_PATTERN) throw invalidParameter("pattern is too long");
    this.source = source;
    this.#tokens = tokenize(source);
    this.#test = compile(this.#tokens);
  }

  /** @param path relative, with slashes, clean. */
  matches(path: string): boolean {
    return this.#test(path);
  }

  /** False only when nothing below the folder can match. */
  mayMatchBelow(folder: string): boolean {
    return simulate(this.#tokens, `${folder}/`) !== "dead";
  }
}

const bad = (source: string) => invalidParameter(`syntax error in pattern: ${JSON.stringify(source)}`);

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const literal = (text: string) => {
    const last = tokens.at(-1);
    if (last?.kind === "text") last.text += text;
    else tokens.push({ kind: "text", text });
  };
  for (let at = 0; at < source.length; at++) {
    const character = source[at]!;
    if (character === "*" && source[at + 1] === "*") {
      at++;
      const slash = source[at + 1] === "/";
      if (slash) at++;
      tokens.push(at + 1 >= source.length ? { kind: "all" } : { kind: "folders", slash });
    } else if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "one" });
    else if (character === "[") {
      const found = readClass(source, at);
      tokens.push(found.token);
      at = found.end;
    } else if (character === "\\") {
      const next = source[++at];
      if (next === undefined) throw bad(source);
      literal(next);
    } else literal(character);
  }
  return tokens;
}

/** `[a-z]`, `[^a]`. */
function readClass(source: string, start: number): { token: Token; end: number } {
  let at = start + 1;
  const negated = source[at] === "^";
  if (negated) at++;
  const ranges: [string, string][] = [];
  const take = () => {
    if (source[at] === "\\") at++;
    const character = source[at++];
    if (character === undefined) throw bad(source);
    return character;
  };
  while (source[at] !== "]" || ranges.length === 0) {
    if (source[at] === undefined || source[at] === "-" || source[at] === "]") throw bad(source);
    const from = take();
    let to = from;
    if (source[at] === "-") {
      at++;
      if (source[at] === "]") throw bad(source);
      to = take();
    }
    ranges.push([from, to]);
  }
  return { token: { kind: "class", negated, ranges }, end: at };
}

function compile(tokens: readonly Token[]): (path: string) => boolean {
  const [first, second] = tokens;
  if (first === undefined) return (path) => path === "";
  if (tokens.length === 1) {
    if (first.kind === "text") return (path) => path === first.text;
    if (first.kind === "all") return () => true;
    if (first.kind === "star") return (path) => !path.includes("/");
  }
  if (tokens.length === 2) {
    if (first.kind === "text" && second!.kind === "all") return (path) => path.startsWith(first.text);
    if (first.kind === "folders" && second!.kind === "text") {
      const { text } = second as { text: string };
      if (!first.slash) return (path) => path.endsWith(text);
      return (path) =>
        path.endsWith(text) && (path.length === text.length || path[path.length - text.length - 1] === "/");
    }
  }
  const stars = tokens.filter((token) => ["star", "all", "folders"].includes(token.kind)).length;
  if (stars <= MAX_REGEXP_STARS) {
    const expression = new RegExp(`^${tokens.map(toRegExp).join("")}$`, "su");
    return (path) => expression.test(path);
  }
  return (path) => simulate(tokens, path) === "match";
}

const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replace(/\\-/g, "\\x2d");

function toRegExp(token: Token): string {
  switch (token.kind) {
    case "text":
      return quote(token.text);
    case "one":
      return "[^/]";
    case "star":
      return "[^/]*";
    case "all":
      return ".*";
    case "folders":
      return "(?:.*/)?";
    case "class": {
      const ranges = token.ranges
        .filter(([from, to]) => from <= to)
        .map(([from, to]) => `${quote(from)}-${quote(to)}`);
      return `[${token.negated ? "^" : ""}${ranges.join("")}]`;
    }
  }
}

/**
 * Follows all ways through the pattern at once: time is at most pattern times path. `alive` when the path is the beginning
 * of something that could match.
 */
function simulate(tokens: readonly Token[], path: string): "match" | "alive" | "dead" {
  const steps = tokens.flatMap((token): Token[] =>
    token.kind === "text" ? token.text.split("").map((text) => ({ kind: "text", text })) : [token],
  );
  const end = steps.length;
  let active = new Set<number>();
  /** Inside a `**` that has begun: it ends only after a slash. */
  let within = new Set<number>();
  const add = (at: number) => {
    for (let state = at; ; state++) {
      active.add(state);
      const kind = steps[state]?.kind;
      if (kind === "folders") within.add(state);
      if (kind !== "star" && kind !== "all" && kind !== "folders") return;
    }
  };
  add(0);
  for (const character of path.split("")) {
    const from = active;
    const inside = within;
    active = new Set();
    within = new Set();
    for (const state of inside) {
      within.add(state);
      if (character === "/") add(state + 1);
    }
    for (const state of from) {
      const token = steps[state];
      if (token === undefined || token.kind === "folders") continue;
      if (token.kind === "all" || (token.kind === "star" && character !== "/")) add(state);
      else if (accepts(token, character)) add(state + 1);
    }
    if (active.size === 0 && within.size === 0) return "dead";
  }
  return active.has(end) ? "match" : "alive";
}

function accepts(token: Token, character: string): boolean {
  if (token.kind === "text") return token.text === character;
  if (token.kind === "one") return character !== "/";
  if (token.kind !== "class") return false;
  return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated;
}
