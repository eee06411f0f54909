/** Shortens to `most` columns, with an ellipsis in the last; wide characters take two. */
export function ellipsis(text: string, most: number): string {
  if (most <= 0) return "";
  if (isAscii(text)) {
    if (text.length <= most) return text;
    return most === 1 ? text[0]! : `${text.slice(0, most - 1)}…`;
  }
  const characters = [...text];
  if (characters.length <= most && !characters.some(isWide)) return text;
  if (most === 1) return characters[0] ?? "";
  let total = 0;
  for (const character of characters) total += isWide(character) ? 2 : 1;
  if (total <= most) return text;
  let out = "";
  let width = 0;
  for (const character of characters) {
    width += isWide(character) ? 2 : 1;
    if (width > most - 1) break;
    out += character;
  }
  return `${out}…`;
}

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}

function isWide(character: string): boolean {
  return /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\uff01-\uff60]/u.test(
    character,
  );
}

/** The 12 digits of an id that people see. */
export function shortId(id: string): string {
  const digits = id.startsWith("sha256:") ? id.slice(7) : id;
  return digits.slice(0, 12);
}
