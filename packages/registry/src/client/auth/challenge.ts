/** One challenge of `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In small letters. */
  scheme: string;
  /** Names in small letters. */
  parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER = 8192;
const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const PARAMETER = /\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*/y;

/** What a server asks for, in its order. What cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, MAX_HEADER);
  const challenges: Challenge[] = [];
  let at = 0;
  const skip = () => {
    while (at < text.length && (text[at] === " " || text[at] === "," || text[at] === "\t")) at++;
  };
  for (skip(); at < text.length; skip()) {
    TOKEN.lastIndex = at;
    const scheme = TOKEN.exec(text)?.[0];
    if (scheme === undefined) break;
    at += scheme.length;
    const parameters = new Map<string, string>();
    for (;;) {
      const before = at;
      while (text[at] === ",") at++;
      PARAMETER.lastIndex = at;
      const found = PARAMETER.exec(text);
      if (found === null) {
        at = before;
        break;
      }
      at += found[0].length;
      const value = found[2] === undefined ? found[3]! : found[2].replace(/\\(.)/g, "$1");
      const name = found[1]!.toLowerCase();
      if (!parameters.has(name)) parameters.set(name, value);
      if (text[at] !== ",") break;
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
