/** docs/parity.md, written from the lists so that it cannot differ from what is tested. */
import type { KnownDifference, Rewriting } from "./differences.ts";
import type { Scenario } from "./scenario.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export function renderPage(
  scenarios: readonly Scenario[],
  known: readonly KnownDifference[],
  rewritings: readonly Rewriting[],
): string {
  const steps = scenarios.reduce((sum, scenario) => sum + scenario.steps.length, 0);
  const lines = [
    "# Berth beside Docker",
    "",
    "This page is written by `make parity` from `test/parity/differences.ts` and `test/parity/scenarios/`.",
    "",
    `${scenarios.length} scenarios with ${steps} commands run on Debian's docker.io 20.10.24 and on Berth, driven by the same`,
    "unmodified Docker CLI, in API version 1.41, which is the newest that this Docker speaks. Output, errors, exit statuses and API",
    "answers must be the same once ids, times and addresses are replaced by names for them. Whatever differs and is not listed here",
    "fails.",
    "",
    "## Differences, and why",
    "",
  ];
  if (known.length === 0) lines.push("None.", "");
  else {
    lines.push("| command | reason |", "|---|---|");
    for (const { step, reason } of known)
      lines.push(
        `| \`${cell(step.length > 120 ? `${step.slice(0, 117)}...` : step).replaceAll("`", "'")}\` | ${cell(reason)} |`,
      );
    lines.push("");
  }
  if (rewritings.length > 0) {
    lines.push("## What is not compared", "", "| text | reason |", "|---|---|");
    for (const { pattern, reason } of rewritings)
      lines.push(`| \`${cell(pattern.source).replaceAll("`", "'")}\` | ${cell(reason)} |`);
    lines.push("");
  }
  lines.push("## Scenarios", "");
  for (const { name, steps: all } of scenarios) lines.push(`- ${name} (${all.length})`);
  return `${lines.join("\n")}\n`;
}
