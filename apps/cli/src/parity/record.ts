/**
 * Records what Docker's command line does with the cases: `bun record.ts [DOCKER]` writes golden.json.
 * Recorded with Docker 28.2.2.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRecorder } from "../testing/recorder.ts";
import { BASE, CASES, words } from "./cases.ts";
import { comparable, createBody, type Outcome } from "./outcome.ts";

const docker = process.argv[2] ?? "/usr/local/bin/docker";
const fixtures = join(import.meta.dir, "fixtures");
const home = mkdtempSync(join(tmpdir(), "berth-record-"));
const golden: Record<string, Outcome> = {};

async function record(line: string, base?: unknown): Promise<Outcome> {
  const socket = join(home, `${Bun.randomUUIDv7()}.sock`);
  await using recorder = await startRecorder(socket, "1.51");
  const process = Bun.spawn([docker, ...words(line)], {
    cwd: fixtures,
    env: {
      HOME: home,
      PATH: "/usr/bin:/bin",
      DOCKER_HOST: `unix://${socket}`,
      PASSED: "passed value",
      COLUMNS: "80",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 10_000,
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    process.stdout.text(),
    process.stderr.text(),
    process.exited,
  ]);
  return comparable({ requests: recorder.requests, stdout, stderr, exitCode }, fixtures, base);
}

const base = createBody(await record(BASE));
for (const line of CASES) golden[line] = await record(line, base);
rmSync(home, { recursive: true });
writeFileSync(join(import.meta.dir, "golden.json"), `${JSON.stringify({ base, golden }, null, 1)}\n`);
