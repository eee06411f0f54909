/** Records what Docker's `inspect --format` prints: `bun record.ts [DOCKER]` writes golden.json. Recorded with Docker 28.2.2. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRecorder } from "../testing/recorder.ts";
import { TEMPLATES } from "./golden-cases.ts";

const docker = process.argv[2] ?? "/usr/local/bin/docker";
const home = mkdtempSync(join(tmpdir(), "berth-record-"));
const document: unknown = JSON.parse(readFileSync(join(import.meta.dir, "fixtures/container.json"), "utf8"));
const socket = join(home, "d.sock");
await using _recorder = await startRecorder(socket, "1.51", { "/containers/c/json": document });
const golden: Record<string, { stdout: string; stderr: string; exitCode: number }> = {};
for (const template of TEMPLATES) {
  const process = Bun.spawn([docker, "container", "inspect", "--format", template, "c"], {
    env: { HOME: home, DOCKER_HOST: `unix://${socket}` },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    process.stdout.text(),
    process.stderr.text(),
    process.exited,
  ]);
  golden[template] = { stdout, stderr, exitCode };
}
rmSync(home, { recursive: true });
writeFileSync(join(import.meta.dir, "golden.json"), `${JSON.stringify(golden, null, 1)}\n`);
