import { describe, expect, test } from "bun:test";
import { fuzz } from "./fuzz.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { TARGETS } from "./targets.ts";

const RUNS = 400;
const SEED = 20261122;

describe("parsers answer to anything", () => {
  for (const target of TARGETS) {
    test(target.name, async () => {
      const { runs, crash } = await fuzz(target, SEED, (done) => done >= RUNS);
      expect(crash).toBeUndefined();
      expect(runs).toBe(RUNS);
    });
  }
});

test("a parser that throws something else, or is slow, is found", async () => {
  const target = { name: "x", seeds: ["aaaa"], answers: (error: unknown) => error instanceof SyntaxError };
  const broken = await fuzz(
    { ...target, run: (input) => void (input.includes(0x7b) && new Uint8Array(-1)) },
    1,
    (runs) => runs > 5000,
  );
  expect(broken.crash?.error).toBeInstanceOf(RangeError);
  const fine = await fuzz(
    { ...target, run: (input) => void JSON.parse(Buffer.from(input).toString()) },
    1,
    (runs) => runs > 500,
  );
  expect(fine.crash).toBeUndefined();
});

test("the same seed gives the same inputs", () => {
  const series = (seed: number) => {
    const random = randomFrom(seed);
    return Array.from({ length: 20 }, () =>
      Buffer.from(mutate(Buffer.from("hello"), Buffer.from("world"), random)).toString("hex"),
    );
  };
  expect(series(7)).toEqual(series(7));
  expect(series(7)).not.toEqual(series(8));
});
