import { invalidParameter } from "@berth/base";

/** One Dockerfile instruction: its name in upper case, and the rest of the line as it is. */
export interface Instruction {
  name: string;
  /** The name as the user wrote it. */
  written: string;
  rest: string;
}

/** Instructions that `commit` and `import` take. */
const ALLOWED = new Set(
  "CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR".split(" "),
);

/** Bytes of all changes together; they come in a URL. */
const MAX_TEXT = 1 << 20;

/**
 * Reads `--change` values: lines with comments and continuations, as in a Dockerfile.
 * @throws invalid-parameter `run is not a valid change command`.
 */
export function parseChanges(changes: readonly string[]): Instruction[] {
  const text = changes.join("\n");
  if (text.length > MAX_TEXT) throw invalidParameter("the changes are too large");
  const instructions: Instruction[] = [];
  let pending = "";
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*#/.test(line)) continue;
    const trimmed = pending === "" ? line.trimStart() : line;
    if (trimmed.trim() === "") continue;
    const continued = /\\[ \t]*$/.exec(trimmed);
    if (continued !== null) {
      pending += trimmed.slice(0, continued.index);
      continue;
    }
    instructions.push(instruction(pending + trimmed));
    pending = "";
  }
  if (pending.trim() !== "") instructions.push(instruction(pending));
  return instructions;
}

function instruction(line: string): Instruction {
  const match = /^(\S+)(?:\s+(.*))?$/s.exec(line.trim())!;
  const written = match[1]!;
  const name = written.toUpperCase();
  if (!ALLOWED.has(name)) throw invalidParameter(`${written.toLowerCase()} is not a valid change command`);
  const rest = (match[2] ?? "").trim();
  if (rest === "" && name !== "CMD" && name !== "ENTRYPOINT") throw needsArguments(name);
  return { name, written, rest };
}

function needsArguments(name: string): Error {
  const exactlyOne = ["USER", "WORKDIR", "STOPSIGNAL"].includes(name);
  if (exactlyOne) return invalidParameter(`${name} requires exactly one argument`);
  return invalidParameter(`${name} requires at least one argument`);
}

/** A list of texts in JSON, the exec form; undefined when the text is none (then it is the shell form). */
export function parseExecForm(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isTexts = Array.isArray(value) && value.every((each) => typeof each === "string");
  return isTexts ? (value as string[]) : undefined;
}

/** `a=b "c=d e"` split at the spaces outside of quotes; quotes and escapes stay for the expansion. */
export function splitQuoted(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      word += character + text[++at]!;
    } else if (quote !== "") {
      word += character;
      if (character === quote) quote = "";
    } else if (character === "'" || character === '"') {
      word += character;
      quote = character;
    } else if (/\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
    } else word += character;
  }
  if (word !== "") words.push(word);
  return words;
}
