/**
 * Fuzzes every parser of foreign bytes in turn.
 *
 *   test/fuzz/main.ts [--seconds 60] [--only NAME] [--seed N] [--input FILE]
 *
 * `--input` repeats one input that was found. An input that a parser does not answer properly is written to dist/crash-….
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Crash, fuzz, tryInput } from "./fuzz.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    input: { type: "string" },
  },
});
const targets = TARGETS.filter(({ name }) => name.includes(values.only));
let failed = 0;

async function keep(crash: Crash): Promise<void> {
  failed++;
  const path = resolve(import.meta.dir, `../../dist/crash-${crash.target.replaceAll(" ", "-")}`);
  mkdirSync(resolve(path, ".."), { recursive: true });
  await Bun.write(path, crash.input);
  console.log(`${crash.target}: kept ${path}`);
  console.log(crash.error);
}

for (const target of targets) {
  if (values.input !== undefined) {
    const crash = await tryInput(target, await Bun.file(values.input).bytes());
    if (crash !== undefined) await keep(crash);
    continue;
  }
  const end = performance.now() + (Number(values.seconds) * 1000) / targets.length;
  const { runs, crash } = await fuzz(target, Number(values.seed), () => performance.now() > end);
  console.log(`${target.name}: ${runs} inputs`);
  if (crash !== undefined) await keep(crash);
}
if (values.input === undefined) console.log(`seed ${values.seed}`);
console.log(`${targets.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
