/** `make quickstart` where a daemon runs already, twice; and `make install`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOk } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";

const ROOT = join(import.meta.dir, "../..");

describe.if(engineOfThisRun() === "berth")("quickstart", () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await startDaemon({ images: ["busybox", "debian:bookworm"] });
  }, 600_000);
  afterAll(() => daemon.stop(), 60_000);

  const quickstart = (port: number) =>
    daemon.run([process.execPath, join(ROOT, "tools/quickstart.ts")], {
      seconds: 300,
      env: { BERTH_QUICKSTART_PORT: String(port) },
    });

  test("a web server is installed, committed, run from the image, and answers; the second call is quick", async () => {
    const port = daemon.port();
    const first = await quickstart(port);
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.stdout).toContain(`fetched http://127.0.0.1:${port}/`);
    expect(first.stdout).toContain("image busybox (was there already)");
    const page = await daemon.host("curl", "-sS", `http://127.0.0.1:${port}/`);
    expect(page.stdout).toContain("<h1>It runs.</h1>");
    expect(await daemon.out("inspect", "-f", "{{.Config.Image}} {{.State.Status}}", "quickstart")).toBe(
      "quickstart-web running",
    );

    const started = performance.now();
    const second = await quickstart(port);
    expect(second).toMatchObject({ exitCode: 0, stderr: "" });
    expect(performance.now() - started).toBeLessThan(5000);
    for (const what of [
      "image busybox",
      "image debian:bookworm",
      "image quickstart-web",
      "volume quickstart-pages",
      "container quickstart",
    ])
      expect(second.stdout).toMatch(new RegExp(`${what}.* \\(was there already\\)`));

    // What it says to type next works.
    const commands = [...second.stdout.matchAll(/^ {2}dist\/berth (logs|exec|rm) /gm)].map(
      ([, name]) => name,
    );
    expect(commands).toEqual(["logs", "exec", "rm"]);
    await daemon.ok(["berth", "rm", "-f", "quickstart"]);
    const third = await quickstart(port);
    expect(third.stdout).toContain("started container quickstart");
  }, 600_000);
});

test("make install and uninstall", async () => {
  const destination = mkdtempSync(join(tmpdir(), "berth-install-"));
  const make = (target: string) =>
    runOk(["make", "-C", ROOT, target, `DESTDIR=${destination}`, "PREFIX=/opt/berth"], { seconds: 120 });
  try {
    await make("install");
    expect(statSync(join(destination, "opt/berth/bin/berth")).mode & 0o777).toBe(0o755);
    const unit = readFileSync(join(destination, "lib/systemd/system/berth.service"), "utf8");
    expect(unit).toContain("ExecStart=/opt/berth/bin/berth daemon");
    expect(unit).not.toContain("@");
    expect(existsSync(join(destination, "lib/systemd/system/berth.socket"))).toBe(true);
    const completions = [
      "share/bash-completion/completions/berth",
      "share/zsh/site-functions/_berth",
      "share/fish/vendor_completions.d/berth.fish",
    ].map((path) => `opt/berth/${path}`);
    for (const path of completions)
      expect(readFileSync(join(destination, path), "utf8")).toContain("__complete");
    await make("uninstall");
    for (const path of [
      "opt/berth/bin/berth",
      "lib/systemd/system/berth.service",
      "lib/systemd/system/berth.socket",
      ...completions,
    ])
      expect([path, existsSync(join(destination, path))]).toEqual([path, false]);
  } finally {
    rmSync(destination, { recursive: true, force: true });
  }
}, 180_000);
