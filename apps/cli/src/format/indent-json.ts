/** The indentation of deeper ones would grow with the square of the depth. */
const MOST_LEVELS = 1000;

/**
 * Sets compact or indented JSON with four spaces a level (or `unit`), and leaves every value as it is written: numbers keep all their
 * digits, strings their escapes (Go's json.Indent).
 * @throws Error for more than 1000 levels.
 */
export function indentJson(text: string, unit = "    "): string {
  let out = "";
  let level = 0;
  const line = () => `\n${unit.repeat(level)}`;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      const start = at;
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
      out += text.slice(start, at + 1);
    } else if (character === "{" || character === "[") {
      const next = /\S/.exec(text.slice(at + 1, at + 256))?.[0];
      if (next === "}" || next === "]") {
        at = text.indexOf(next, at);
        out += character + next;
      } else {
        if (++level > MOST_LEVELS) throw new Error("JSON is nested too deep");
        out += character + line();
      }
    } else if (character === "}" || character === "]") {
      level--;
      out += line() + character;
    } else if (character === ",") out += character + line();
    else if (character === ":") out += ": ";
    else if (character > " ") out += character;
  }
  return out;
}
