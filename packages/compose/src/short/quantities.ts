import { invalidParameter } from "@berth/base";
import { parseGoDuration } from "@berth/spec";

/** Units of Compose that Go does not have. */
const LONG_UNITS = { d: 86400e9, w: 604800e9 };

/** `1h30m`, `1.5s`, `2d`. @returns nanoseconds. @throws invalid-parameter with Go's sentence. */
export function parseDuration(text: string): number {
  return parseGoDuration(text.trim(), LONG_UNITS);
}

const SIZE = /^(\d+(?:\.\d*)?|\.\d+) ?([kmgtp]?)(i?b)?$/i;

/** `512m`, `1.5gb`, `-1`. @returns bytes. @throws BerthError */
export function parseBytes(text: string): number {
  if (text === "-1") return -1;
  const found = SIZE.exec(text);
  if (found === null || (found[3]?.toLowerCase() === "ib" && found[2] === "")) {
    throw invalidParameter(`invalid size: '${text}'`);
  }
  return Math.floor(Number(found[1]) * 1024 ** " kmgtp".indexOf(found[2]!.toLowerCase() || " "));
}

/**
 * A command line as words, as Compose splits it: quotes and backslashes, no expansion. What stands behind `;`, `&`, `|`, `<` or
 * `>` is another command's, and is left out.
 * @throws BerthError
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let started = false;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const c = line[at]!;
    if (c === "\\" && quote !== "'") {
      if (at + 1 >= line.length) throw invalidParameter("invalid command line string");
      word += line[++at]!;
      started = true;
    } else if (quote !== "") {
      if (c === quote) quote = "";
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      started = true;
    } else if (c === " " || c === "\t" || c === "\n" || c === "\r") {
      if (started) words.push(word);
      word = "";
      started = false;
    } else if (";&|<>".includes(c)) {
      if (c === ">" && /^\d/.test(word)) started = false;
      break;
    } else if (c === "(") {
      throw invalidParameter("invalid command line string");
    } else {
      word += c;
      started = true;
    }
  }
  if (quote !== "") throw invalidParameter("invalid command line string");
  if (started) words.push(word);
  return words;
}
