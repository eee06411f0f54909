import { expand } from "../shell/expand.ts";
import { DockerfileError } from "./error.ts";
import type { Heredoc } from "./statement.ts";

const HEREDOC = /^(\d*)<<(-?)\s*([^<]*)$/;
const NOTHING = { get: () => undefined, keys: () => [] };
const countQuotes = (text: string) => text.split(/['"]/).length - 1;

/** Reads one word (`<<EOF`, `3<<-"E O F"`) as the start of a heredoc; undefined when it is none. */
export function readHeredoc(word: string): Omit<Heredoc, "content"> | undefined {
  const match = HEREDOC.exec(word);
  const rest = match?.[3];
  if (match === null || rest === undefined || rest === "") return undefined;
  const { words } = expand(rest, NOTHING, { keepUnset: true });
  if (words.length !== 1) return undefined;
  const raw = expand(rest, NOTHING, { keepUnset: true, rawQuotes: true }).words;
  if (raw.length !== 1) throw new DockerfileError(`cannot tell the end of heredoc ${JSON.stringify(rest)}`);
  return {
    name: words[0]!,
    expand: countQuotes(words[0]!) === countQuotes(raw[0]!),
    chomp: match[2] === "-",
    fileDescriptor: match[1] === "" ? 0 : Number(match[1]),
  };
}

/** The heredocs that a line begins, in order. A line with quotes that do not match begins none. */
export function heredocsOf(line: string): Omit<Heredoc, "content">[] {
  if (!line.includes("<<")) return [];
  let words: string[];
  try {
    words = expand(line, NOTHING, {
      keepUnset: true,
      rawQuotes: true,
      rawEscapes: true,
      heredocs: true,
    }).words;
  } catch (error) {
    if (error instanceof DockerfileError) return [];
    throw error;
  }
  return words.map(readHeredoc).filter((each) => each !== undefined);
}
