/**
 * Runs every scenario on Docker and on Berth and compares.
 *
 *   test/parity/main.ts [--only TEXT] [--against docker|berth] [--jobs 2] [--verbose]
 *
 * `--against docker` compares the oracle with itself, which proves the scenarios. Writes docs/parity.md when all of them ran.
 * Exits with 1 when anything differs that is not in differences.ts.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { EngineName } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";
import { compareScenario, differenceOf, type StepVerdict } from "./compare.ts";
import { KNOWN_DIFFERENCES, REWRITINGS } from "./differences.ts";
import { EngineRun } from "./engine-run.ts";
import { renderPage } from "./page.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    against: { type: "string", default: "berth" },
    jobs: { type: "string", default: "2" },
    verbose: { type: "boolean", default: false },
  },
});

const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only));
const against = values.against as EngineName;
const known = against === "berth" ? KNOWN_DIFFERENCES : [];
const started = performance.now();
let passed = 0;
let failed = 0;
let knownSteps = 0;
const failures: { name: string; verdicts: StepVerdict[] }[] = [];

async function judge(scenario: Scenario, left: EngineRun, right: EngineRun): Promise<void> {
  const begun = performance.now();
  const [ours, theirs] = await Promise.all([left.run(scenario), right.run(scenario)]);
  const verdicts = compareScenario(scenario.name, ours, theirs, known, REWRITINGS);
  const differing = verdicts.filter(({ verdict }) => verdict === "differs");
  const accepted = verdicts.filter(({ verdict }) => verdict === "known").length;
  knownSteps += accepted;
  if (differing.length === 0) passed++;
  else {
    failed++;
    failures.push({ name: scenario.name, verdicts: differing });
  }
  const mark =
    differing.length > 0 ? `${differing.length} DIFFER` : accepted > 0 ? `same, ${accepted} known` : "same";
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${mark.padEnd(14)} ${String(verdicts.length).padStart(3)} steps ${seconds.padStart(5)} s  ${scenario.name}`,
  );
  if (values.verbose)
    for (const { command, left: text, right: other } of verdicts)
      console.log(
        `\n  $ ${command}\n${text === other ? text : differenceOf(text, other)}`.replaceAll("\n", "\n    "),
      );
}

/** One Docker and one Berth, that take scenarios until none is left. */
async function pair(queue: Scenario[]): Promise<void> {
  const left = await EngineRun.start("docker");
  try {
    const right = await EngineRun.start(against);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await judge(next, left, right);
    } finally {
      await right.stop();
    }
  } finally {
    await left.stop();
  }
}

const queue = [...scenarios];
// Made before the pairs begin, so that only one makes it.
await imageArchive("busybox");
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, () => pair(queue)));

for (const { name, verdicts } of failures) {
  console.log(`\n==== ${name}`);
  for (const { command, left: text, right: other, reason } of verdicts)
    console.log(`$ ${command}\n${reason === undefined ? differenceOf(text, other) : reason}`);
}
if (against === "berth" && values.only === "")
  await Bun.write(
    resolve(import.meta.dir, "../../docs/parity.md"),
    renderPage(scenarios, KNOWN_DIFFERENCES, REWRITINGS),
  );
console.log(
  `\n${scenarios.reduce((sum, { steps }) => sum + steps.length, 0)} steps, ${knownSteps} known differences, ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
