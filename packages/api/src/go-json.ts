/** The words of Go's encoding/json, which reach users through Docker's error sentences. */
export function kindOfJson(value: unknown): "object" | "array" | "string" | "number" | "bool" | "null" {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "number";
    case "boolean":
      return "bool";
    default:
      return "object";
  }
}

/** What Go says of text that is not JSON. Only called after JSON.parse refused it. */
export function goJsonSyntaxError(text: string): string {
  const at = firstBadCharacter(text);
  if (at === undefined) return "unexpected end of JSON input";
  const character = text[at.index] ?? "";
  const shown = character === "'" ? `'\\''` : character === '"' ? `'"'` : `'${character}'`;
  return `invalid character ${shown} ${at.context}`;
}

interface BadCharacter {
  index: number;
  context: string;
}

/** Walks the text with Go's scanner rules; undefined when it merely ends too early. */
function firstBadCharacter(text: string): BadCharacter | undefined {
  // What is expected next, and the stack of open brackets.
  const stack: ("{" | "[")[] = [];
  let state: "value" | "value-or-end" | "key-or-end" | "key" | "colon" | "after" = "value";
  let index = 0;
  const bad = (context: string): BadCharacter => ({ index, context });
  while (index < text.length) {
    const character = text[index] as string;
    if (/[ \t\r\n]/.test(character)) {
      index++;
      continue;
    }
    if (state === "after") {
      const open = stack.at(-1);
      if (open === undefined) return bad("after top-level value");
      if (character === ",") {
        state = open === "{" ? "key" : "value";
        index++;
        continue;
      }
      if (character === (open === "{" ? "}" : "]")) {
        stack.pop();
        index++;
        continue;
      }
      return bad(open === "{" ? "after object key:value pair" : "after array element");
    }
    if (state === "colon") {
      if (character !== ":") return bad("after object key");
      state = "value";
      index++;
      continue;
    }
    if (state === "key-or-end" && character === "}") {
      stack.pop();
      state = "after";
      index++;
      continue;
    }
    if (state === "key" || state === "key-or-end") {
      if (character !== '"') return bad("looking for beginning of object key string");
      const end = endOfString(text, index);
      if (end === undefined || "context" in end) return end;
      index = end.index;
      state = "colon";
      continue;
    }
    if (state === "value-or-end" && character === "]") {
      stack.pop();
      state = "after";
      index++;
      continue;
    }
    if (character === "{" || character === "[") {
      stack.push(character);
      state = character === "{" ? "key-or-end" : "value-or-end";
      index++;
      continue;
    }
    if (character === '"') {
      const end = endOfString(text, index);
      if (end === undefined || "context" in end) return end;
      index = end.index;
      state = "after";
      continue;
    }
    const word = { t: "true", f: "false", n: "null" }[character];
    if (word !== undefined) {
      for (let at = 1; at < word.length; at++) {
        if (index + at >= text.length) return undefined;
        if (text[index + at] !== word[at]) {
          index += at;
          return bad(`in literal ${word} (expecting '${word[at]}')`);
        }
      }
      index += word.length;
      state = "after";
      continue;
    }
    const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(text.slice(index, index + 400));
    if (number !== null) {
      index += number[0].length;
      state = "after";
      continue;
    }
    if (character === "-") {
      index++;
      return index < text.length ? bad("in numeric literal") : undefined;
    }
    return bad("looking for beginning of value");
  }
  return undefined;
}

/** The index after a string's closing quote, the bad character in it, or undefined when it does not end. */
function endOfString(text: string, start: number): { index: number } | BadCharacter | undefined {
  for (let index = start + 1; index < text.length; index++) {
    const character = text[index] as string;
    if (character === '"') return { index: index + 1 };
    if (character < " ") return { index, context: "in string literal" };
    if (character !== "\\") continue;
    index++;
    if (index >= text.length) return undefined;
    const escaped = text[index] as string;
    if (escaped === "u") {
      for (let digit = 0; digit < 4; digit++) {
        index++;
        if (index >= text.length) return undefined;
        if (!/[0-9a-fA-F]/.test(text[index] as string)) {
          return { index, context: "in \\u hexadecimal character escape" };
        }
      }
    } else if (!/["\\/bfnrt]/.test(escaped)) {
      return { index, context: "in string escape code" };
    }
  }
  return undefined;
}
