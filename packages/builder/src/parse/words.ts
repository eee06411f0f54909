/** White space between words of one line. */
export const SPACES = /[\t\v\f\r ]+/;
const SPACE = /\s/u;

export const isSpace = (character: string): boolean => SPACE.test(character) || character === "\u0085";

/** The text up to the first white space, and what follows it; undefined when there is none. */
export function splitOnce(text: string): [first: string, rest: string | undefined] {
  const match = SPACES.exec(text);
  return match === null
    ? [text, undefined]
    : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}

/**
 * Takes `--name[=value]` words from the front. Quotes are removed and `\` keeps the next character, whatever the file's
 * escape character is. A lone `--` ends the flags.
 */
export function takeFlags(line: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (!line.startsWith("--", at)) return { flags, rest: line.slice(at) };
    let word = "";
    let quote = "";
    let blank = false;
    for (; at < line.length; at++) {
      let character = line[at]!;
      if (quote === "" && isSpace(character)) break;
      if (quote === "" ? character === "'" || character === '"' : character === quote) {
        quote = quote === "" ? character : "";
        blank = true;
        continue;
      }
      if (character === "\\") {
        if (at + 1 === line.length) continue;
        character = line[++at]!;
      }
      word += character;
    }
    if (word === "--") return { flags, rest: line.slice(at) };
    if (blank || word !== "") flags.push(word);
  }
}

/**
 * Splits into words at white space outside quotes. Quotes and escapes stay in the words: they are taken off when variables
 * are expanded.
 */
export function splitWords(text: string, escapeToken: string): string[] {
  const words: string[] = [];
  let word = "";
  let inWord = false;
  let blank = false;
  let quote = "";
  const finish = () => {
    if (inWord && (blank || word !== "")) words.push(word);
    word = "";
    inWord = false;
    blank = false;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote === "" && isSpace(character)) {
      finish();
      continue;
    }
    inWord = true;
    if (character === escapeToken && quote !== "'") {
      if (at + 1 === text.length) {
        quote = "";
        continue;
      }
      word += character + text[++at]!;
      continue;
    }
    if (quote === "") {
      if (character === "'" || character === '"') {
        quote = character;
        blank = true;
      }
    } else if (character === quote) quote = "";
    word += character;
  }
  finish();
  return words;
}
