import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError } from "@berth/base";
import { collect } from "../../testing/collect.ts";
import { run, Scratch, WORKER } from "../../testing/scratch.ts";
import type { Job, View } from "../protocol.ts";
import { runJob, startJob, workerErrorCode } from "./run-job.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const failureOf = (promise: Promise<unknown>): Promise<BerthError> =>
  promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => error,
  );

function bigTree(): View {
  const folder = scratch.folder("big");
  for (let i = 0; i < 20; i++) writeFileSync(join(folder, `f${i}`), Buffer.alloc(1 << 20, i));
  return { kind: "folder", path: folder };
}

/** Descriptors of this process, to see that none is left open. */
const openDescriptors = () => readdirSync("/proc/self/fd").length;

test("an archive goes from one worker into another", async () => {
  const view = bigTree();
  const before = openDescriptors();
  const packing = startJob({ job: "pack", view }, { command: WORKER });
  const folder = scratch.folder();
  const applied = await run({ job: "apply", folder, whiteouts: "overlay" }, { stdin: packing.stdout });
  const packed = await packing.result;
  expect(applied.size).toBe(packed.size);
  expect(readdirSync(folder).length).toBe(20);
  expect(await packing.facts).toBeUndefined();
  // Bun closes the ends of pipes some turns after they were used up.
  for (const end = Date.now() + 5000; openDescriptors() > before && Date.now() < end; ) await Bun.sleep(1);
  expect(openDescriptors()).toBeLessThanOrEqual(before);
});

test("facts come before the data is read", async () => {
  const view = bigTree();
  const running = startJob({ job: "archive-get", view, path: "/" }, { command: WORKER });
  // Nobody reads yet, and the archive is far larger than a pipe.
  expect(await running.facts).toMatchObject({ name: "/" });
  const bytes = Buffer.from(await new Response(running.stdout).arrayBuffer());
  expect(collect(bytes).length).toBe(21);
  await running.result;
});

test("facts of a job that fails", async () => {
  const running = startJob({ job: "archive-get", view: bigTree(), path: "/no" }, { command: WORKER });
  expect((await failureOf(running.facts)).kind).toBe("not-found");
  expect((await failureOf(running.result)).kind).toBe("not-found");
  expect(await new Response(running.stdout).text()).toBe("");
});

test("abort ends the worker", async () => {
  const abort = new AbortController();
  const running = startJob(
    { job: "archive-get", view: bigTree(), path: "/" },
    { command: WORKER, signal: abort.signal },
  );
  await running.facts;
  abort.abort();
  expect((await failureOf(running.result)).kind).toBe("cancelled");
  expect(() =>
    startJob({ job: "stat", view: bigTree(), path: "/" }, { command: WORKER, signal: abort.signal }),
  ).toThrow(BerthError);
});

test("a reader that goes away ends the worker", async () => {
  const running = startJob({ job: "pack", view: bigTree() }, { command: WORKER });
  const reader = running.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect((await failureOf(running.result)).message).toContain("the worker was ended by SIGKILL");
});

test("a source that breaks is the reason, and leaves no worker", async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(100);
    throw new Error("the client went away");
  }
  const error = await failureOf(
    run({ job: "apply", folder: scratch.folder(), whiteouts: "overlay" }, { stdin: source() }),
  );
  expect(error.message).toBe("the client went away");
});

test("a worker that fails early leaves its input unread", async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked++;
      yield Buffer.alloc(1 << 20, "rubbish ");
    }
  }
  const error = await failureOf(
    run({ job: "apply", folder: scratch.folder(), whiteouts: "overlay" }, { stdin: endless() }),
  );
  expect(error.message).toBe("archive/tar: invalid tar header");
  expect(error.hint).toContain("byte 0");
  expect(asked).toBeLessThan(20);
});

test("errors keep kind, hint and the system call's code", async () => {
  const error = await failureOf(run({ job: "disk-usage", folder: "/no/such/folder" }));
  expect([error.kind, error.message]).toEqual(["not-found", "no such directory: /no/such/folder"]);
  const code = await failureOf(
    run({ job: "changes", upper: "/dev/null", base: { kind: "directory", path: "/" }, kind: "overlay" }),
  );
  expect([workerErrorCode(code), code.message]).toEqual(["ENOTDIR", "open /dev/null: not a directory"]);
});

test("a worker that does not start, crashes, or is no worker", async () => {
  const job: Job = { job: "stat", view: { kind: "folder", path: "/" }, path: "/" };
  const missing = await failureOf((async () => await runJob(job, { command: ["/no/such/program"] }))());
  expect(missing.message).toContain("the worker cannot be started");
  const crashed = await failureOf(runJob(job, { command: ["bash", "-c", "echo why >&2; exit 7", "bash"] }));
  expect(crashed.message).toBe("the worker ended with status 7: why");
  const killed = await failureOf(runJob(job, { command: ["bash", "-c", "kill -9 $$", "bash"] }));
  expect(killed.message).toBe("the worker was ended by SIGKILL");
});

test("a job that is longer than an argument can be", async () => {
  const paths = Array.from({ length: 3000 }, (_, i) => `/${"x".repeat(60)}${i}\udcff`);
  const folder = scratch.folder();
  mkdirSync(join(folder, "d"));
  const { contents } = await run({
    job: "read-file",
    view: { kind: "folder", path: folder },
    paths,
    limit: 10,
  });
  expect(contents.length).toBe(3000);
});

test("a worker that ends before it has read a long job says itself why; abort does too", async () => {
  const job: Job = { job: "read-file", view: bigTree(), paths: ["x".repeat(3 << 20)], limit: 1 };
  const killed = await failureOf(runJob(job, { command: ["bash", "-c", "exec 4<&-; kill -9 $$", "bash"] }));
  expect(killed.message).toBe("the worker was ended by SIGKILL");
  const abort = new AbortController();
  const running = runJob(job, { command: ["bash", "-c", "exec sleep 100", "bash"], signal: abort.signal });
  abort.abort();
  expect((await failureOf(running)).kind).toBe("cancelled");
});
