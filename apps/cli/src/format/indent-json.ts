/**
 * Sets compact or indented JSON with four spaces a level, and leaves every value as it is written: numbers keep all their
 * digits, strings their escapes (Go's json.Indent).
 */
export function indentJson(text: string, prefix = ""): string {
  let out = "";
  let level = 0;
  const line = () => `\n${prefix}${"    ".repeat(level)}`;
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
        level++;
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
