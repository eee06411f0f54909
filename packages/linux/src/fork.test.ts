import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FORK_SERVER_ENVIRONMENT } from "./fork.ts";

test("children of a fork server compile, collect garbage, run loops and start programs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-fork-"));
  try {
    // One file, as in the executable: the module loader's helper threads do not start.
    const built = await Bun.build({
      entrypoints: [join(import.meta.dir, "testing/fork-child.ts")],
      target: "bun",
      outdir: folder,
    });
    const server = Bun.spawn([process.execPath, built.outputs[0]!.path], {
      env: { ...process.env, ...FORK_SERVER_ENVIRONMENT },
      stdout: "pipe",
      stderr: "inherit",
    });
    const report = JSON.parse(await new Response(server.stdout).text());
    expect(report.threads).toBe(1);
    expect(report.regions).toBeGreaterThan(0);
    expect(report.results).toHaveLength(4);
    for (const result of report.results) {
      expect(result).toMatchObject({ exit: 0, received: "tick", program: 3, pid: result.child, threads: 1 });
      // About 400 MB were allocated: they were collected.
      expect(result.kilobytes).toBeLessThan(250_000);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
