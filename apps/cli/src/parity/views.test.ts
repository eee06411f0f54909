import { afterAll, beforeAll, expect, setSystemTime, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputOf } from "../io/stdin.ts";
import { run } from "../run.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { type Recorder, startRecorder } from "../testing/recorder.ts";
import { words } from "./cases.ts";
import type { RecordedViews } from "./record-views.ts";
import { VIEWS } from "./view-cases.ts";

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dir, name), "utf8"));
const recorded = read("views.json") as RecordedViews;
const zone = process.env.TZ;
let home: string;
let recorder: Recorder;
beforeAll(async () => {
  process.env.TZ = "UTC";
  setSystemTime(recorded.at);
  home = mkdtempSync(join(tmpdir(), "berth-views-"));
  const answers = read("fixtures/answers.json") as Record<string, unknown>;
  recorder = await startRecorder(join(home, "d.sock"), "1.51", { strict: true, ...answers });
});
afterAll(async () => {
  setSystemTime();
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
  await recorder[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

test.each(VIEWS)("%s", async (line) => {
  const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
  const exitCode = await run({
    program: "docker",
    argv: words(line),
    stdin: inputOf([]),
    stdout,
    stderr,
    environment: { HOME: home, DOCKER_HOST: `unix://${home}/d.sock` },
    isTerminal: () => false,
  });
  const hide = (text: string) => text.replaceAll(home, "<home>");
  expect({ stdout: hide(stdout.text()), stderr: hide(stderr.text()), exitCode }).toEqual(
    recorded.views[line]!,
  );
});
