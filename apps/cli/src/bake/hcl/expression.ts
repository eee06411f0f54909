import type { Cursor } from "./cursor.ts";
import { iterate, readHeredoc, readQuoted } from "./template.ts";
import {
  type Expression,
  equal,
  HclError,
  isList,
  isObject,
  kindOf,
  numberOf,
  type ObjectValue,
  objectOf,
  type Scope,
  textOf,
  truthOf,
  type Value,
  within,
} from "./value.ts";

/** So deep may expressions lie in each other. */
const DEPTH = 200;
let depth = 0;

/** The expression at the cursor. @throws HclError with its place. */
export function readExpression(cursor: Cursor): Expression {
  if (++depth > DEPTH) {
    depth--;
    cursor.fail("expressions are nested too deeply");
  }
  try {
    const condition = readBinary(cursor, 0);
    if (!cursor.take("?")) return condition;
    const yes = readExpression(cursor);
    cursor.expect(":", "Missing false expression in conditional");
    const no = readExpression(cursor);
    return (scope) => (truthOf(condition(scope)) ? yes(scope) : no(scope));
  } finally {
    depth--;
  }
}

type Operation = (left: Expression, right: Expression) => Expression;

const numbers =
  (work: (a: number, b: number) => number): Operation =>
  (left, right) =>
  (scope) =>
    work(numberOf(left(scope)), numberOf(right(scope)));
const compared =
  (work: (a: number, b: number) => boolean): Operation =>
  (left, right) =>
  (scope) =>
    work(numberOf(left(scope)), numberOf(right(scope)));

/** From the loosest to the tightest; longer operators before those that they begin with. */
const LEVELS: readonly (readonly [string, Operation])[][] = [
  [["||", (left, right) => (scope) => truthOf(left(scope)) || truthOf(right(scope))]],
  [["&&", (left, right) => (scope) => truthOf(left(scope)) && truthOf(right(scope))]],
  [
    ["==", (left, right) => (scope) => equal(left(scope), right(scope))],
    ["!=", (left, right) => (scope) => !equal(left(scope), right(scope))],
  ],
  [
    ["<=", compared((a, b) => a <= b)],
    [">=", compared((a, b) => a >= b)],
    ["<", compared((a, b) => a < b)],
    [">", compared((a, b) => a > b)],
  ],
  [
    ["+", numbers((a, b) => a + b)],
    ["-", numbers((a, b) => a - b)],
  ],
  [
    ["*", numbers((a, b) => a * b)],
    [
      "/",
      numbers((a, b) => {
        if (b === 0) throw new HclError("Division by zero");
        return a / b;
      }),
    ],
    ["%", numbers((a, b) => a % b)],
  ],
];

function readBinary(cursor: Cursor, level: number): Expression {
  const operators = LEVELS[level];
  if (operators === undefined) return readUnary(cursor);
  let left = readBinary(cursor, level + 1);
  for (;;) {
    const found = operators.find(([sign]) => cursor.take(sign));
    if (found === undefined) return left;
    left = found[1](left, readBinary(cursor, level + 1));
  }
}

function readUnary(cursor: Cursor): Expression {
  if (cursor.sees("-")) {
    cursor.take("-");
    const value = readUnary(cursor);
    return (scope) => -numberOf(value(scope));
  }
  if (cursor.sees("!") && !cursor.sees("!=")) {
    cursor.take("!");
    const value = readUnary(cursor);
    return (scope) => !truthOf(value(scope));
  }
  return readPostfix(cursor, readPrimary(cursor));
}

/** `.name`, `.0`, `.*`, `[index]`, `[*]` behind a value. */
function readPostfix(cursor: Cursor, start: Expression): Expression {
  let value = start;
  for (;;) {
    const before = cursor.at;
    cursor.skip();
    const at = cursor.at;
    if (cursor.take(".")) {
      if (cursor.text[cursor.at] === ".") {
        // The dots behind the last argument of a call.
        cursor.at = before;
        return value;
      }
      if (cursor.take("*")) return splat(value, readPostfix(cursor, ELEMENT));
      const name = cursor.identifier() ?? cursor.number();
      if (name === undefined) cursor.fail("Invalid attribute name");
      value = placed(
        cursor,
        at,
        indexed(value, () => name as Value),
      );
    } else if (cursor.take("[")) {
      if (cursor.take("*")) {
        cursor.expect("]", "Missing close bracket on splat");
        return splat(value, readPostfix(cursor, ELEMENT));
      }
      cursor.inBrackets++;
      const key = readExpression(cursor);
      cursor.expect("]", "Missing close bracket on index");
      cursor.inBrackets--;
      value = placed(cursor, at, indexed(value, key));
    } else {
      cursor.at = before;
      return value;
    }
  }
}

const ELEMENT_NAME = "*";
const ELEMENT: Expression = (scope) => scope.lookup(ELEMENT_NAME) ?? null;

function splat(list: Expression, each: Expression): Expression {
  return (scope) => {
    const value = list(scope);
    const values = value === null ? [] : isList(value) ? value : [value];
    return values.map((element) =>
      each(within(scope, (name) => (name === ELEMENT_NAME ? element : scope.lookup(name)))),
    );
  };
}

function indexed(value: Expression, key: Expression): Expression {
  return (scope) => {
    const [from, at] = [value(scope), key(scope)];
    if (isList(from)) {
      const number = numberOf(at);
      const found = from[number];
      if (found === undefined)
        throw new HclError("Invalid index: the given key does not identify an element in this collection");
      return found;
    }
    if (isObject(from)) {
      const found = from[textOf(at)];
      if (found === undefined)
        throw new HclError(`Unsupported attribute: this object has no attribute ${JSON.stringify(at)}`);
      return found;
    }
    throw new HclError(`Invalid index: ${kindOf(from)} has no indices`);
  };
}

/** Gives errors without a place that of the expression. */
function placed(cursor: Cursor, at: number, expression: Expression): Expression {
  const place = cursor.placeOf(at);
  return (scope) => {
    try {
      return expression(scope);
    } catch (error) {
      if (error instanceof HclError && error.place === undefined) throw new HclError(error.message, place);
      throw error;
    }
  };
}

function readPrimary(cursor: Cursor): Expression {
  cursor.skip();
  const at = cursor.at;
  if (cursor.take('"')) return readQuoted(cursor);
  if (cursor.sees("<<")) return readHeredoc(cursor);
  if (cursor.take("(")) {
    cursor.inBrackets++;
    const inner = readExpression(cursor);
    cursor.expect(")", "Unbalanced parentheses");
    cursor.inBrackets--;
    return inner;
  }
  if (cursor.take("[")) return bracketed(cursor, readTuple);
  if (cursor.take("{")) return bracketed(cursor, readObject);
  const number = cursor.number();
  if (number !== undefined) return () => number;
  const name = cursor.identifier();
  if (name === undefined)
    cursor.fail(
      "Invalid expression: Expected the start of an expression, but found an invalid expression token.",
    );
  if (name === "true" || name === "false") return () => name === "true";
  if (name === "null") return () => null;
  if (cursor.text[cursor.at] === "(") {
    cursor.take("(");
    const args = bracketed(cursor, readArguments);
    return placed(cursor, at, (scope) => scope.call(name as string, args.of(scope), scope));
  }
  return placed(cursor, at, (scope) => {
    const value = scope.lookup(name as string);
    if (value === undefined)
      throw new HclError(`Unknown variable; There is no variable named ${JSON.stringify(name)}.`);
    return value;
  });
}

function bracketed<T>(cursor: Cursor, read: (cursor: Cursor) => T): T {
  cursor.inBrackets++;
  const made = read(cursor);
  cursor.inBrackets--;
  return made;
}

/** Arguments up to `)`; `list...` stands for its elements. */
function readArguments(cursor: Cursor): { of(scope: Scope): Expression[] } {
  const given: Expression[] = [];
  let spreads = false;
  while (!cursor.take(")")) {
    given.push(readExpression(cursor));
    if (cursor.take("...")) {
      spreads = true;
      cursor.expect(")", "Missing closing parenthesis after expanded arguments");
      break;
    }
    if (!cursor.take(",") && !cursor.sees(")")) cursor.fail("Missing argument separator");
  }
  return {
    of(scope) {
      if (!spreads) return given;
      const last = given.at(-1)?.(scope) ?? null;
      if (!isList(last)) throw new HclError("the expanded argument must be a list");
      return [...given.slice(0, -1), ...last.map((value) => () => value)];
    },
  };
}

function readTuple(cursor: Cursor): Expression {
  if (cursor.takeWord("for")) return readFor(cursor, "]");
  const items: Expression[] = [];
  while (!cursor.take("]")) {
    items.push(readExpression(cursor));
    if (!cursor.take(",") && !cursor.sees("]")) cursor.fail("Missing item separator");
  }
  return (scope) => items.map((item) => item(scope));
}

function readObject(cursor: Cursor): Expression {
  const before = cursor.at;
  if (cursor.takeWord("for") && !cursor.sees("=") && !cursor.sees(":")) return readFor(cursor, "}");
  cursor.at = before;
  const pairs: [Expression, Expression][] = [];
  while (!cursor.take("}")) {
    const start = cursor.at;
    const word = cursor.identifier();
    cursor.skip();
    const isPlain = word !== undefined && (cursor.sees("=") || cursor.sees(":"));
    if (!isPlain) cursor.at = start;
    const key: Expression = isPlain ? () => word as string : readExpression(cursor);
    if (!cursor.take("=") && !cursor.take(":")) cursor.fail("Missing attribute value");
    // A line break ends an item as a comma does.
    pairs.push([key, readExpression(cursor)]);
    cursor.take(",");
  }
  return (scope) => objectOf(pairs.map(([key, value]) => [textOf(key(scope)), value(scope)] as const));
}

/** `for k, v in list : value if condition` and `for … : key => value...`, up to the closing bracket. */
function readFor(cursor: Cursor, close: string): Expression {
  const names = [cursor.identifier() ?? cursor.fail("a name is expected after for")];
  if (cursor.take(",")) names.push(cursor.identifier() ?? cursor.fail("a name is expected"));
  if (!cursor.takeWord("in")) cursor.fail("for requires the 'in' keyword");
  const over = readExpression(cursor);
  cursor.expect(":", "for requires a colon after the collection expression");
  const first = readExpression(cursor);
  let second: Expression | undefined;
  if (close === "}") {
    cursor.expect("=>", "object for expression requires =>");
    second = readExpression(cursor);
  }
  const groups = second !== undefined && cursor.take("...");
  const condition = cursor.takeWord("if") ? readExpression(cursor) : undefined;
  cursor.expect(close, "Extra characters after the end of the for expression");
  return (scope) => {
    const scopes = iterate(over(scope), names, scope).filter(
      (inner) => condition === undefined || truthOf(condition(inner)),
    );
    if (second === undefined) return scopes.map((inner) => first(inner));
    const made: ObjectValue = Object.create(null);
    for (const inner of scopes) {
      const name = textOf(first(inner));
      const value = second(inner);
      if (groups) {
        made[name] = [...((made[name] ?? []) as Value[]), value];
      } else if (name in made) throw new HclError(`Duplicate object key ${JSON.stringify(name)}`);
      else made[name] = value;
    }
    return made;
  };
}
