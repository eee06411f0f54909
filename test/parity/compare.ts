/** Judges two runs of one scenario. */
import type { KnownDifference, Rewriting } from "./differences.ts";
import type { StepResult } from "./engine-run.ts";

export interface StepVerdict {
  command: string;
  verdict: "same" | "known" | "differs";
  /** Left and right, for people. */
  left: string;
  right: string;
  reason?: string;
}

function whole(result: StepResult, rewritings: readonly Rewriting[]): string {
  let text = `${result.stdout}\n${result.stderr}\nexit ${result.exitCode}`;
  for (const { pattern, replacement } of rewritings) text = text.replace(pattern, replacement);
  return text.replace(/\n{2,}/g, "\n").trim();
}

export function compareScenario(
  name: string,
  left: readonly StepResult[],
  right: readonly StepResult[],
  known: readonly KnownDifference[],
  rewritings: readonly Rewriting[],
): StepVerdict[] {
  return left.map((step, index) => {
    const other = right[index]!;
    const verdict = { command: step.command, left: whole(step, rewritings), right: whole(other, rewritings) };
    const entry = known.find((one) => one.scenario === name && one.step === step.command);
    if (verdict.left === verdict.right)
      return entry === undefined
        ? { ...verdict, verdict: "same" }
        : {
            ...verdict,
            verdict: "differs",
            reason: "listed as a known difference, but both are the same now: remove the entry",
          };
    if (entry?.docker.test(verdict.left) && entry.berth.test(verdict.right))
      return { ...verdict, verdict: "known", reason: entry.reason };
    return { ...verdict, verdict: "differs" };
  });
}

/** Lines that only one side has, marked `-` (left) and `+` (right), with equal lines left out. */
export function differenceOf(left: string, right: string): string {
  const a = left.split("\n");
  const b = right.split("\n");
  // Longest common subsequence; outputs are short.
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i]![j] =
        a[i] === b[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
  const lines: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && table[i + 1]![j]! >= table[i]![j + 1]!))
      lines.push(`- ${a[i++]}`);
    else lines.push(`+ ${b[j++]}`);
  }
  return lines.join("\n");
}
