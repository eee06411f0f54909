import { ProtocolError } from "../errors.ts";

const MOST_LINE_BYTES = 16 * 1024 * 1024;

/**
 * The JSON values of a stream such as events, stats and progress: one a line, or one after another.
 * @throws ProtocolError for what is not JSON, and for values longer than 16 MiB.
 */
export async function* jsonLines<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  for await (const line of jsonTexts(chunks)) yield parse<T>(line);
}

/** As `jsonLines`, not parsed. */
export async function* jsonTexts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      const line = text.slice(start, end).trim();
      start = end + 1;
      if (line === "") continue;
      if (mayBeSeveral(line)) yield* values(line);
      else yield line;
    }
    rest = text.slice(start);
    if (rest.length > MOST_LINE_BYTES) throw new ProtocolError("too long line in the daemon's stream");
  }
  const last = (rest + decoder.decode()).trim();
  if (last !== "") yield* values(last);
}

/** Whether `}` and `{` follow one another, perhaps in a text. Without an expression: see head.ts. */
function mayBeSeveral(line: string): boolean {
  for (let at = line.indexOf("{", 1); at > 0; at = line.indexOf("{", at + 1)) {
    let before = at - 1;
    while (line[before] === " " || line[before] === "\t" || line[before] === "\r") before--;
    if (line[before] === "}") return true;
  }
  return false;
}

/** Some daemons write `{…}{…}` in one line. */
function* values(line: string): Generator<string> {
  let depth = 0;
  let inString = false;
  let start = 0;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) {
        yield line.slice(start, at + 1).trim();
        start = at + 1;
      }
    }
  }
  const rest = line.slice(start).trim();
  if (rest !== "") yield rest;
}

function parse<T>(line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch (error) {
    throw new ProtocolError(`the daemon's stream is not JSON: ${line.slice(0, 100)}`, error);
  }
}
