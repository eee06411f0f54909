import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FORK_SERVER_ENVIRONMENT } from "./fork.ts";

/** What a program beside prints, as JSON. */
async function run(program: string) {
  const folder = mkdtempSync(join(tmpdir(), "berth-fork-"));
  try {
    // One file, as in the executable: the module loader's helper threads do not start.
    const built = await Bun.build({
      entrypoints: [join(import.meta.dir, "testing", program)],
      target: "bun",
      outdir: folder,
    });
    const server = Bun.spawn([process.execPath, built.outputs[0]!.path], {
      env: { ...process.env, ...FORK_SERVER_ENVIRONMENT },
      stdout: "pipe",
      stderr: "inherit",
    });
    return JSON.parse(await new Response(server.stdout).text());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("children of a fork server compile, collect garbage, run loops and start programs", async () => {
  const report = await run("fork-child.ts");
  expect(report.threads).toBe(1);
  expect(report.regions).toBeGreaterThan(0);
  expect(report.results).toHaveLength(4);
  for (const result of report.results) {
    expect(result).toMatchObject({ exit: 0, received: "tick", program: 3, pid: result.child, threads: 1 });
    // About 400 MB were allocated: they were collected.
    expect(result.kilobytes).toBeLessThan(250_000);
  }
}, 60_000);

test("a forked child does what it is told, and answers; it has ahead the memory that was learned", async () => {
  const report = await run("forked-children.ts");
  expect(report).toMatchObject({
    written: "wrote: second",
    threw: "ErrandError: no such thing",
    killed: "ErrandError: the process that did it was killed",
    kept: "false true",
    letGo: 0,
    nothing: 0,
  });
  // All that it writes, and little more.
  expect(report.pages).toBeGreaterThanOrEqual(512);
  expect(report.pages).toBeLessThan(800);
  expect(report.faults).toBeGreaterThanOrEqual(512);
  expect(report.faultsAhead).toBeLessThan(200);
}, 60_000);

test("a server of errands does those of many, each with its own state, and what takes long elsewhere", async () => {
  expect(await run("errands.ts")).toEqual({
    sameProcess: true,
    first: "a b",
    byTurns: ["x y", "1 2"],
    long: "wait waited",
    longElsewhere: true,
    longAnswered: false,
    heard: "half",
    complaint: "ErrandError: no such thing",
    keepsUnneeded: false,
    keepsOther: true,
    isThere: true,
    killed: "ErrandError: the process that did it was killed",
    gone: true,
    missed: "ErrandError: the process that did it was killed",
    limited: [true, false, "ErrandError: the process that did it was killed", "a b"],
    ends: true,
    threads: "1",
  });
}, 60_000);
