import { KEYWORDS } from "./line.ts";
import type { ParsedDockerfile, Statement } from "./statement.ts";

/** Go's strconv.Quote for what Dockerfiles hold. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const short = SHORT[character];
    if (short !== undefined) quoted += short;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (PRINTABLE.test(character)) quoted += character;
    else if (code < 0x10000) quoted += `\\u${code.toString(16).padStart(4, "0")}`;
    else quoted += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return `${quoted}"`;
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};
const PRINTABLE = /^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$/u;

/** The syntax tree in the notation of BuildKit's parser: one s-expression a line. */
export function printTree(file: ParsedDockerfile): string {
  return file.statements.map((statement) => `(${printNode(statement)})\n`).join("");
}

function printNode(statement: Statement): string {
  let text = statement.keyword.toLowerCase();
  if (statement.flags.length > 0) text += ` [${statement.flags.map(goQuote).join(" ")}]`;
  if (!KEYWORDS.includes(text.split(" ")[0]!)) return `${text} ""`;
  for (const arg of statement.args) text += ` ${goQuote(arg)}`;
  if (statement.trigger !== undefined) text += ` (${printNode(statement.trigger)})`;
  return text;
}

/**
 * Writes a Dockerfile that means the same: one line an instruction, its heredocs below. Comments are kept where they
 * describe an instruction. An instruction whose text ends with the escape character cannot be written in one line: it would
 * be continued.
 */
export function printDockerfile(file: ParsedDockerfile): string {
  const lines: string[] = [];
  if (file.syntax !== undefined) lines.push(`# syntax=${file.syntax}`);
  if (file.escapeToken !== "\\") lines.push(`# escape=${file.escapeToken}`);
  for (const statement of file.statements) {
    lines.push("");
    for (const comment of statement.comments) lines.push(`# ${comment}`);
    const text = statement.original.trim();
    lines.push(text || file.escapeToken);
    for (const heredoc of statement.heredocs) lines.push(heredoc.content + heredoc.name);
  }
  return `${lines.join("\n")}\n`;
}
