import { COLLECTIONS } from "./functions-collections.ts";
import { TEXTS } from "./functions-texts.ts";
import {
  converting,
  type Expression,
  equal,
  HclError,
  numberOf,
  type Plain,
  type Scope,
  truthOf,
  type Value,
} from "./value.ts";

const number = (work: (...values: number[]) => Value) => converting(numberOf, work);

const NUMBERS: Record<string, Plain> = {
  abs: number(Math.abs),
  add: number((a, b) => a + b),
  ceil: number(Math.ceil),
  divide: number((a, b) => {
    if (b === 0) throw new HclError("divide by zero");
    return a / b;
  }),
  floor: number(Math.floor),
  int: number(Math.trunc),
  log: number((value, base) => Math.log(value) / Math.log(base)),
  max: number(Math.max),
  min: number(Math.min),
  modulo: number((a, b) => a % b),
  multiply: number((a, b) => a * b),
  negate: number((a) => -a),
  parseint: (text, base) => {
    const radix = numberOf(base ?? 10);
    const digits = String(text);
    const value = Number.parseInt(digits, radix);
    if (Number.isNaN(value) || value.toString(radix) !== digits.toLowerCase().replace(/^\+?0*(?=.)/, ""))
      throw new HclError(`cannot parse ${JSON.stringify(digits)} as a base ${radix} integer`);
    return value;
  },
  pow: number((a, b) => a ** b),
  signum: number(Math.sign),
  subtract: number((a, b) => a - b),
  greaterthan: (a, b) => numberOf(a) > numberOf(b),
  greaterthanorequalto: (a, b) => numberOf(a) >= numberOf(b),
  lessthan: (a, b) => numberOf(a) < numberOf(b),
  lessthanorequalto: (a, b) => numberOf(a) <= numberOf(b),
  and: (a, b) => truthOf(a) && truthOf(b),
  or: (a, b) => truthOf(a) || truthOf(b),
  not: (a) => !truthOf(a),
  equal: (a, b) => equal(a, b),
  notequal: (a, b) => !equal(a, b),
};

const FUNCTIONS: ReadonlyMap<string, Plain> = new Map(
  Object.entries({ ...NUMBERS, ...TEXTS, ...COLLECTIONS }),
);

/** Calls a function that every file knows. @returns undefined when there is none of this name. @throws HclError */
export function callStandard(name: string, args: readonly Expression[], scope: Scope): Value | undefined {
  // These two see their arguments before they are evaluated.
  if (name === "can") return works(args[0], scope);
  if (name === "try") {
    for (const arg of args) if (works(arg, scope)) return arg(scope);
    throw new HclError("no expression succeeded");
  }
  const found = FUNCTIONS.get(name);
  if (found === undefined) return undefined;
  const needed = found.length;
  if (args.length < needed)
    throw new HclError(
      `Not enough function arguments; Function ${JSON.stringify(name)} expects ${needed} argument(s).`,
    );
  try {
    return found(...args.map((arg) => arg(scope)));
  } catch (error) {
    if (!(error instanceof HclError) || error.place !== undefined) throw error;
    throw new HclError(
      `Error in function call; Call to function ${JSON.stringify(name)} failed: ${error.message}.`,
    );
  }
}

function works(expression: Expression | undefined, scope: Scope): boolean {
  try {
    expression?.(scope);
    return expression !== undefined;
  } catch (error) {
    if (error instanceof HclError) return false;
    throw error;
  }
}
