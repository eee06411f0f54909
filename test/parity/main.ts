/**
 * Runs every scenario on Docker and on Berth and compares.
 *
 *   test/parity/main.ts [--only TEXT] [--against docker|berth] [--verbose]
 *
 * `--against docker` compares the oracle with itself, which proves the scenarios. Writes docs/parity.md when all of them ran.
 * Exits with 1 when anything differs that is not in differences.ts.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { EngineName } from "../harness/engine.ts";
import { compareScenario, differenceOf, type StepVerdict } from "./compare.ts";
import { KNOWN_DIFFERENCES, REWRITINGS } from "./differences.ts";
import { EngineRun } from "./engine-run.ts";
import { renderPage } from "./page.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    against: { type: "string", default: "berth" },
    verbose: { type: "boolean", default: false },
  },
});

const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only));
const against = values.against as EngineName;
const known = against === "berth" ? KNOWN_DIFFERENCES : [];
const started = performance.now();
const left = await EngineRun.start("docker");
const right = await EngineRun.start(against);
let passed = 0;
let failed = 0;
let knownSteps = 0;
const failures: { name: string; verdicts: StepVerdict[] }[] = [];
try {
  for (const scenario of scenarios) {
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
    console.log(
      `${mark.padEnd(14)} ${String(verdicts.length).padStart(3)} steps ${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${scenario.name}`,
    );
    if (values.verbose)
      for (const { command, left: text, right: other } of verdicts)
        console.log(
          `\n  $ ${command}\n${text === other ? text : differenceOf(text, other)}`.replaceAll("\n", "\n    "),
        );
  }
} finally {
  await Promise.all([left.stop(), right.stop()]);
}

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
