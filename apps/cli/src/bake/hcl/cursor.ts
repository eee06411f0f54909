import { type Expression, HclError, type Place } from "./value.ts";

const IDENTIFIER = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

/** A place in the text of a file, and what stands there. */
export class Cursor {
  readonly text: string;
  readonly reader: (cursor: Cursor) => Expression;
  at = 0;
  /** Line breaks mean nothing inside of brackets. */
  inBrackets = 0;

  /** `reader` reads the expression that stands at a cursor: templates hold expressions, which hold templates. */
  constructor(text: string, reader: (cursor: Cursor) => Expression) {
    this.text = text;
    this.reader = reader;
  }

  read(): Expression {
    return this.reader(this);
  }

  get place(): Place {
    return this.placeOf(this.at);
  }

  placeOf(at: number): Place {
    const before = this.text.slice(0, at);
    const line = before.split("\n").length;
    return { line, column: at - before.lastIndexOf("\n") };
  }

  fail(message: string, at = this.at): never {
    throw new HclError(message, this.placeOf(at));
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  /** Over blanks and comments, over line breaks too where they mean nothing. */
  skip(lineBreaks = this.inBrackets > 0): void {
    for (;;) {
      const found = this.text[this.at];
      if (found === " " || found === "\t" || found === "\r" || (lineBreaks && found === "\n")) this.at++;
      else if (found === "#" || this.text.startsWith("//", this.at)) {
        const end = this.text.indexOf("\n", this.at);
        this.at = end < 0 ? this.text.length : end;
      } else if (this.text.startsWith("/*", this.at)) {
        const end = this.text.indexOf("*/", this.at);
        if (end < 0) this.fail("Unterminated comment");
        this.at = end + 2;
      } else return;
    }
  }

  /** What comes next begins with this. */
  sees(text: string): boolean {
    this.skip();
    return this.text.startsWith(text, this.at);
  }

  /** Takes it when it comes next. */
  take(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  expect(text: string, what: string): void {
    if (!this.take(text)) this.fail(what);
  }

  /** The word that comes next, taken when it is this one. */
  takeWord(word: string): boolean {
    this.skip();
    const before = this.at;
    if (this.identifier() === word) return true;
    this.at = before;
    return false;
  }

  identifier(): string | undefined {
    this.skip();
    return this.#match(IDENTIFIER);
  }

  number(): number | undefined {
    this.skip();
    const text = this.#match(NUMBER);
    return text === undefined ? undefined : Number(text);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}
