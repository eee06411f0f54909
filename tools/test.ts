/**
 * Runs test files, each in a process of its own, several at a time, and sums up.
 *
 *   tools/test.ts [--jobs N] [--timeout SECONDS] PATH…
 *
 * One process a file: a crash in foreign code (FFI) or a test that ends its process is a failure of that file and of
 * nothing else. Prints a line a file, the whole output of files that failed, and as its last line `N passed, N failed`.
 * Exits with 1 when anything failed or no test was found.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface FileResult extends Counts {
  file: string;
  seconds: number;
  output: string;
}

const root = resolve(import.meta.dir, "..");
const TIMINGS = resolve(root, ".cache/test-seconds.json");

/** Totals of a JUnit report as `bun test` writes it. @returns undefined when it holds none. */
export function countsOfReport(xml: string): Counts | undefined {
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0];
  if (head === undefined) return undefined;
  const number = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  const skipped = number("skipped");
  return { passed: number("tests") - failed - skipped, failed, skipped };
}

/** Test files at or below the paths, without repetition. @throws when a path does not exist. */
export function testFiles(base: string, paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const full = resolve(base, path);
    if (!existsSync(full)) throw new Error(`no such path: ${path}`);
    if (!statSync(full).isDirectory()) found.add(relative(base, full));
    else
      for (const match of new Bun.Glob("**/*.test.ts").scanSync({ cwd: full })) {
        if (!match.includes("node_modules/")) found.add(relative(base, join(full, match)));
      }
  }
  return [...found].sort();
}

/** Runs one file. A process that ends without a report, or in time without ending, counts as one failure. */
export async function runFile(file: string, scratch: string, timeoutSeconds: number): Promise<FileResult> {
  const report = join(scratch, `${Bun.hash(file).toString(16)}.xml`);
  const started = performance.now();
  // --no-orphans: what a killed or crashed test leaves running is ended with it.
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--no-orphans",
      `--timeout=${Math.min(timeoutSeconds, 120) * 1000}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      `./${file}`,
    ],
    { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...process.env, NO_COLOR: "1" } },
  );
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutSeconds * 1000);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  const seconds = (performance.now() - started) / 1000;
  let output = stdout + stderr;
  let counts = existsSync(report) ? countsOfReport(readFileSync(report, "utf8")) : undefined;
  if (timedOut) output += `\n${file}: not finished after ${timeoutSeconds} s\n`;
  if (counts === undefined) {
    output += `\n${file}: ended without a report (exit status ${exitCode}, signal ${child.signalCode ?? "none"})\n`;
    counts = { passed: 0, failed: 1, skipped: 0 };
  } else if (exitCode !== 0 && counts.failed === 0) {
    counts.failed = 1;
  }
  return { file, seconds, output, ...counts };
}

function readTimings(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(TIMINGS, "utf8")) as Record<string, number>;
  } catch {
    return {};
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      jobs: { type: "string", default: String(cpus().length) },
      timeout: { type: "string", default: "600" },
    },
  });
  const timings = readTimings();
  // The slowest first, so that the last to end is not one that began last; unknown files count as slow.
  const queue = testFiles(root, positionals).sort((a, b) => (timings[b] ?? 1e6) - (timings[a] ?? 1e6));
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: FileResult[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "berth-test-report-"));
  try {
    const worker = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const result = await runFile(file, scratch, Number(values.timeout));
        timings[file] = result.seconds;
        total.passed += result.passed;
        total.failed += result.failed;
        total.skipped += result.skipped;
        if (result.failed > 0) failures.push(result);
        const mark = result.failed > 0 ? "FAIL" : "ok  ";
        const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
        console.log(`${mark} ${file}: ${result.passed} passed${skipped} in ${result.seconds.toFixed(1)} s`);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, worker));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  mkdirSync(resolve(root, ".cache"), { recursive: true });
  await Bun.write(TIMINGS, JSON.stringify(timings, undefined, 1));
  for (const failure of failures) console.log(`\n==== ${failure.file}\n${failure.output}`);
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) await main();
