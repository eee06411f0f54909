/** Records what Docker's command line prints: `bun record-views.ts [DOCKER]` writes views.json. Recorded with Docker 28.2.2. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRecorder } from "../testing/recorder.ts";
import { words } from "./cases.ts";
import { VIEWS } from "./view-cases.ts";

export interface RecordedViews {
  /** The clock's milliseconds: some views tell how long ago something was. */
  at: number;
  home: string;
  views: Record<string, { stdout: string; stderr: string; exitCode: number }>;
}

const docker = process.argv[2] ?? "/usr/local/bin/docker";
const home = mkdtempSync(join(tmpdir(), "berth-record-"));
const answers = JSON.parse(readFileSync(join(import.meta.dir, "fixtures/answers.json"), "utf8")) as Record<
  string,
  unknown
>;
const socket = join(home, "d.sock");
await using _recorder = await startRecorder(socket, "1.51", { strict: true, ...answers });
const recorded: RecordedViews = { at: Date.now(), home: "<home>", views: {} };
for (const line of VIEWS) {
  const process = Bun.spawn([docker, ...words(line)], {
    env: { HOME: home, DOCKER_HOST: `unix://${socket}`, TZ: "UTC" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    process.stdout.text(),
    process.stderr.text(),
    process.exited,
  ]);
  const hide = (text: string) => text.replaceAll(home, "<home>");
  recorded.views[line] = { stdout: hide(stdout), stderr: hide(stderr), exitCode };
}
rmSync(home, { recursive: true });
writeFileSync(join(import.meta.dir, "views.json"), `${JSON.stringify(recorded, null, 1)}\n`);
