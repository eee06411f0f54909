/** Feeds a parser with changed inputs, and keeps those that it does not answer properly. */
import { mutate, randomFrom } from "./mutate.ts";
import type { Target } from "./targets.ts";

export interface Crash {
  target: string;
  input: Uint8Array;
  error: unknown;
}

/** One input may take so long. */
const SLOWEST = 2000;

/** Undefined when the parser took the input or refused it with an error that is an answer. */
export async function tryInput(target: Target, input: Uint8Array): Promise<Crash | undefined> {
  const started = performance.now();
  try {
    await target.run(input);
  } catch (error) {
    if (target.answers?.(error) !== true) return { target: target.name, input, error };
  }
  const took = performance.now() - started;
  return took > SLOWEST
    ? { target: target.name, input, error: new Error(`took ${took.toFixed(0)} ms`) }
    : undefined;
}

/** Runs until `stop` says so; the first crash ends it. The same seed makes the same inputs. */
export async function fuzz(
  target: Target,
  seed: number,
  stop: (runs: number) => boolean,
): Promise<{ runs: number; crash?: Crash }> {
  const random = randomFrom(seed);
  const seeds = target.seeds.map((one) => (typeof one === "string" ? new TextEncoder().encode(one) : one));
  const pool: Uint8Array[] = [...seeds, new Uint8Array()];
  const pick = (): Uint8Array => pool[Math.floor(random() * pool.length)]!;
  let runs = 0;
  for (const input of [...pool]) {
    const crash = await tryInput(target, input);
    if (crash !== undefined) return { runs, crash };
  }
  for (; !stop(runs); runs++) {
    const input = mutate(pick(), pick(), random);
    const crash = await tryInput(target, input);
    if (crash !== undefined) return { runs, crash };
    // Changes upon changes reach deeper.
    if (random() < 0.02) pool[Math.min(pool.length, seeds.length + Math.floor(random() * 64))] = input;
  }
  return { runs };
}
