import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputOf } from "../io/stdin.ts";
import { run } from "../run.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { startRecorder } from "../testing/recorder.ts";
import { BASE, CASES, words } from "./cases.ts";
import { comparable, createBody, type Outcome } from "./outcome.ts";

const fixtures = join(import.meta.dir, "fixtures");
const { base, golden } = JSON.parse(readFileSync(join(import.meta.dir, "golden.json"), "utf8")) as {
  base: unknown;
  golden: Record<string, Outcome>;
};
const passedBefore = process.env.PASSED;
const before = process.cwd();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-parity-"));
  process.chdir(fixtures);
  process.env.PASSED = "passed value";
});
afterAll(() => {
  process.chdir(before);
  if (passedBefore === undefined) delete process.env.PASSED;
  rmSync(folder, { recursive: true, force: true });
});

async function ours(line: string, base?: unknown): Promise<Outcome> {
  const socket = join(folder, `${Bun.randomUUIDv7()}.sock`);
  await using recorder = await startRecorder(socket, "1.51");
  const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
  const exitCode = await run({
    program: "docker",
    argv: words(line),
    stdin: inputOf([]),
    stdout,
    stderr,
    environment: { HOME: folder, DOCKER_HOST: `unix://${socket}`, PASSED: "passed value" },
    isTerminal: () => false,
  });
  return comparable(
    { requests: recorder.requests, stdout: stdout.text(), stderr: stderr.text(), exitCode },
    fixtures,
    base,
  );
}

describe("as Docker's command line", () => {
  test("a plain container", async () => {
    expect(createBody(await ours(BASE))).toEqual(base);
  });

  test.each(CASES)("%s", async (line) => {
    expect(await ours(line, base)).toEqual(golden[line]!);
  });
});
