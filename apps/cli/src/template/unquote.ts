const SIMPLE: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The value of a Go string or character literal; undefined when it is malformed. */
export function unquote(literal: string): string | undefined {
  const mark = literal[0];
  const inside = literal.slice(1, -1);
  if (mark === "`") return inside.replaceAll("\r", "");
  let out = "";
  for (let at = 0; at < inside.length; at++) {
    const character = inside[at]!;
    if (character !== "\\") {
      out += character;
      continue;
    }
    const next = inside[++at] ?? "";
    const simple = SIMPLE[next];
    if (simple !== undefined && next !== (mark === '"' ? "'" : '"')) {
      out += simple;
      continue;
    }
    const pattern =
      next === "x"
        ? /^x([0-9a-fA-F]{2})/
        : next === "u"
          ? /^u([0-9a-fA-F]{4})/
          : next === "U"
            ? /^U([0-9a-fA-F]{8})/
            : /^([0-7]{3})/;
    const found = pattern.exec(inside.slice(at, at + 9));
    if (found === null) return undefined;
    const code = Number.parseInt(found[1]!, /^[xuU]/.test(next) ? 16 : 8);
    if (code > 0x10ffff) return undefined;
    out += String.fromCodePoint(code);
    at += found[0].length - 1;
  }
  if (mark === "'" && [...out].length !== 1) return undefined;
  return out;
}
