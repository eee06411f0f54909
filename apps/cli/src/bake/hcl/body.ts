import { Cursor } from "./cursor.ts";
import { readExpression } from "./expression.ts";
import { readWhole } from "./template.ts";
import { type Expression, HclError, objectOf, type Place, type Value } from "./value.ts";

export interface Attribute {
  name: string;
  value: Expression;
  place: Place | undefined;
}

export interface Block {
  type: string;
  labels: string[];
  body: Body;
  place: Place | undefined;
}

/** What stands between braces, or in a whole file. */
export interface Body {
  attributes: Map<string, Attribute>;
  blocks: Block[];
}

/** So large may a file be. */
const SIZE = 4 << 20;

/** A file of HCL's own form. @throws HclError with its place. */
export function readHcl(text: string): Body {
  if (text.length > SIZE) throw new HclError("the file is too large");
  const cursor = new Cursor(text.replace(/^\uFEFF/, ""), readExpression);
  return readBody(cursor, true, 0);
}

function readBody(cursor: Cursor, isFile: boolean, depth: number): Body {
  if (depth > 20) cursor.fail("blocks are nested too deeply");
  const body: Body = { attributes: new Map(), blocks: [] };
  for (;;) {
    cursor.skip(true);
    if (cursor.ended) {
      if (!isFile) cursor.fail("Unclosed configuration block");
      return body;
    }
    if (!isFile && cursor.take("}")) return body;
    const place = cursor.place;
    const name = cursor.identifier();
    if (name === undefined)
      cursor.fail("Argument or block definition required; An argument or block definition is required here.");
    if (cursor.sees("=") && !cursor.sees("==")) {
      cursor.take("=");
      if (body.attributes.has(name as string))
        throw new HclError(
          `Attribute redefined; The argument ${JSON.stringify(name)} was already set. Each argument may be set only once.`,
          place,
        );
      body.attributes.set(name as string, { name: name as string, value: readExpression(cursor), place });
    } else body.blocks.push(readBlock(cursor, name as string, place, depth));
    cursor.skip();
    if (cursor.ended || cursor.text[cursor.at] === "\n") continue;
    if (!isFile && cursor.sees("}")) continue;
    cursor.fail("Missing newline after argument; An argument definition must end with a newline.");
  }
}

function readBlock(cursor: Cursor, type: string, place: Place, depth: number): Block {
  const labels: string[] = [];
  while (!cursor.take("{")) {
    if (cursor.take('"')) labels.push(quotedLabel(cursor));
    else {
      const label = cursor.identifier();
      if (label === undefined)
        cursor.fail(
          'Invalid block definition; Either a quoted string block label or an opening brace ("{") is expected here.',
        );
      labels.push(label as string);
    }
  }
  return { type, labels, body: readBody(cursor, false, depth + 1), place };
}

function quotedLabel(cursor: Cursor): string {
  const found = /(?:[^"\\\n]|\\.)*"/y;
  found.lastIndex = cursor.at;
  const text = found.exec(cursor.text)?.[0];
  if (text === undefined) cursor.fail("Unterminated block label");
  cursor.at += (text as string).length;
  return (text as string).slice(0, -1).replace(/\\(.)/g, "$1");
}

/**
 * A file of the JSON form: the blocks that are known are objects of objects, everything else is an attribute, and
 * strings are templates. @throws HclError
 */
export function readJson(text: string, labelled: readonly string[]): Body {
  if (text.length > SIZE) throw new HclError("the file is too large");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HclError(`invalid JSON: ${(error as Error).message}`);
  }
  return bodyOf(value, labelled);
}

function bodyOf(value: unknown, labelled: readonly string[]): Body {
  const body: Body = { attributes: new Map(), blocks: [] };
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new HclError("an object is expected");
  for (const [name, inner] of Object.entries(value)) {
    if (name === "//") continue;
    if (!labelled.includes(name)) {
      body.attributes.set(name, { name, value: expressionOf(inner, 0), place: undefined });
      continue;
    }
    const lists = Array.isArray(inner) ? inner : [inner];
    for (const each of lists) {
      if (typeof each !== "object" || each === null) throw new HclError(`${name} must be an object`);
      for (const [label, content] of Object.entries(each)) {
        for (const one of Array.isArray(content) ? content : [content])
          body.blocks.push({ type: name, labels: [label], body: bodyOf(one, []), place: undefined });
      }
    }
  }
  return body;
}

function expressionOf(value: unknown, depth: number): Expression {
  if (depth > 100) throw new HclError("values are nested too deeply");
  if (typeof value === "string") return readWhole(new Cursor(value, readExpression));
  if (Array.isArray(value)) {
    const items = value.map((each) => expressionOf(each, depth + 1));
    return (scope) => items.map((item) => item(scope));
  }
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(
      ([name, each]) => [readWhole(new Cursor(name, readExpression)), expressionOf(each, depth + 1)] as const,
    );
    return (scope) => objectOf(pairs.map(([name, each]) => [String(name(scope)), each(scope)] as const));
  }
  return () => value as Value;
}
