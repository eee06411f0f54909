import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError, newId } from "@berth/base";
import { openCgroup } from "@berth/linux";
import {
  EXIT_FILE,
  type ExecRequest,
  type ExitRecord,
  type Launch,
  type Shim,
  type ShimRuntime,
} from "@berth/runtime";
import { childrenNamed, collect, finish, frames, runtimes, ShimFixture, shimOf } from "./testing/fixture.ts";

let fixture: ShimFixture;
let folder: string;
let runtime: ShimRuntime;
beforeAll(() => {
  fixture = new ShimFixture();
  ({ folder, runtime } = fixture);
});
afterAll(async () => expect(await fixture.close()).toEqual([]));
const launch: ShimFixture["launch"] = (...args) => fixture.launch(...args);

function exec(args: string[], more: Partial<ExecRequest> = {}): ExecRequest {
  return {
    id: newId(),
    args,
    env: ["PATH=/bin"],
    cwd: "/",
    user: "",
    tty: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    ...more,
  };
}

describe.each(runtimes.names())("a container with %s", (name) => {
  test("gives its output, its log and its exit code", async () => {
    const request = launch(["sh", "-c", "echo out; echo err >&2; exit 3"], {}, name);
    const shim = await runtime.launch(request, []);
    const output = collect(await shim.attach({ stdin: false, stdout: true, stderr: true }));
    await shim.start();
    expect((await finish(shim)).exitCode).toBe(3);
    const data = await output;
    expect(frames(data, 1)).toBe("out\n");
    expect(frames(data, 2)).toBe("err\n");
    const log = readFileSync(join(request.dataDirectory, "log"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { log: string; stream: string });
    expect(log.map(({ log, stream }) => `${stream} ${log}`).sort()).toEqual(["stderr err\n", "stdout out\n"]);
  });

  test("reads stdin to its end", async () => {
    const shim = await runtime.launch(launch(["cat"], { openStdin: true, stdinOnce: true }, name), []);
    const stream = await shim.attach({ stdin: true, stdout: true, stderr: true });
    const output = collect(stream);
    const text = "x".repeat(300_000);
    stream.write(Buffer.from(text));
    await shim.start();
    stream.end();
    expect((await finish(shim)).exitCode).toBe(0);
    expect(frames(await output, 1)).toBe(text);
  });

  test("has a terminal with a size", async () => {
    const shim = await runtime.launch(
      launch(
        ["sh", "-c", "read x; stty size; echo got $x"],
        { openStdin: true, tty: true, consoleSize: { rows: 33, columns: 77 } },
        name,
      ),
      [],
    );
    const stream = await shim.attach({ stdin: true, stdout: true, stderr: true });
    const output = collect(stream);
    await shim.start();
    stream.write(Buffer.from("abc\n"));
    expect((await finish(shim)).exitCode).toBe(0);
    expect((await output).toString()).toBe("abc\r\n33 77\r\ngot abc\r\n");
  });

  test.each([
    [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
    [["/nosuch"], 127, 'exec: "/nosuch": stat /nosuch: no such file or directory'],
    [["/plain"], 126, 'exec: "/plain": permission denied'],
    [["/etc"], 126, 'exec: "/etc": permission denied'],
  ] as const)("cannot run %p", async (args, exitCode, sentence) => {
    const shim = await runtime.launch(launch([...args], {}, name), []);
    const error = await shim.start().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(BerthError);
    expect((error as BerthError).exitCode).toBe(exitCode);
    expect((error as BerthError).message).toBe(
      `failed to create shim task: OCI runtime create failed: ${name} create failed: unable to start container process: ${sentence}: unknown`,
    );
  });

  test("runs as the image's user", async () => {
    const shim = await runtime.launch(launch(["id"], { user: "web" }, name), []);
    const output = collect(await shim.attach({ stdin: false, stdout: true, stderr: true }));
    await shim.start();
    await finish(shim);
    expect(frames(await output, 1)).toContain("uid=33(web) gid=33(www) groups=8(mail)");
  });

  test("takes exec with its own stdio and exit code", async () => {
    const shim = await runtime.launch(launch(["sleep", "1000"], {}, name), []);
    await shim.start();
    const first = await shim.exec(exec(["cat"], { attachStdin: true }));
    const output = collect(first.stream);
    first.stream.write(Buffer.from("hello"));
    first.stream.end();
    expect(frames(await output, 1)).toBe("hello");
    expect(await first.exited).toBe(0);
    const failing = await shim.exec(exec(["sh", "-c", "exit 7"]));
    void collect(failing.stream);
    expect(await failing.exited).toBe(7);
    const missing = await shim.exec(exec(["nosuch"])).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect((missing as BerthError).exitCode).toBe(127);
    await shim.kill(9);
    expect((await finish(shim)).exitCode).toBe(137);
  });
});

test("a user that is not in the image is refused", async () => {
  const sentence = "unable to find user nobody-here: no matching entries in passwd file";
  const shim = await runtime.launch(launch(["true"], { user: "nobody-here" }), []);
  // Who speaks to the shim while it prepares, and who comes later.
  const early = [shim.attach({ stdin: false, stdout: true, stderr: true }), shim.start()];
  for (const outcome of await Promise.allSettled(early)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { message: sentence } });
  }
  await expect(shim.start()).rejects.toThrow(sentence);
});

test("a runtime that leaves no process is one that failed", async () => {
  const nothing = { name: "nothing", path: "/bin/true", arguments: [] };
  const shim = await runtime.launch(launch(["true"], { runtime: nothing }), []);
  await expect(shim.start()).rejects.toThrow("nothing create failed");
});

test("output is whole when the client reads late", async () => {
  const shim = await runtime.launch(launch(["sh", "-c", "seq 200000"]), []);
  const stream = await shim.attach({ stdin: false, stdout: true, stderr: true });
  await shim.start();
  const record = shim.exited;
  const output = collect(stream);
  expect((await record).exitCode).toBe(0);
  shim.recorded();
  const lines = frames(await output, 1)
    .trimEnd()
    .split("\n");
  expect(lines.length).toBe(200_000);
  expect(lines.at(-1)).toBe("200000");
});

test("mode=non-blocking: a log that cannot be written holds nothing back, and what fits is kept", async () => {
  const request = launch(["sh", "-c", "read x; seq 100000; read y; echo last"], { openStdin: true });
  const log = { ...request.log, buffer: 128 * 1024 } as Launch["log"];
  const shim = await runtime.launch({ ...request, log }, []);
  const stream = await shim.attach({ stdin: true, stdout: true, stderr: true });
  const output = collect(stream);
  const { pid } = await shim.start();
  const [writer] = childrenNamed(await shimOf(pid), "berth-log");
  process.kill(writer!, "SIGSTOP");
  stream.write(Buffer.from("go\n"));
  stream.write(Buffer.from("on\n"));
  // The container comes to its end while the log stands still.
  while (existsSync(`/proc/${pid}`)) await Bun.sleep(5);
  process.kill(writer!, "SIGCONT");
  expect((await finish(shim)).exitCode).toBe(0);
  expect(frames(await output, 1).endsWith("100000\nlast\n")).toBe(true);
  const lines = readFileSync((request.log as { path: string }).path, "utf8")
    .trimEnd()
    .split("\n");
  expect(JSON.parse(lines[0]!).log).toBe("1\n");
  expect(lines.length).toBeGreaterThan(1000);
  expect(lines.length).toBeLessThan(100_001);
  expect(childrenNamed(process.pid, "berth-log")).toEqual([]);
});

test("a container outlives its daemon, and is found again", async () => {
  const request = launch(["sh", "-c", "read x; echo $x; exit 5"], { openStdin: true });
  const first = fixture.newRuntime();
  const lost = await first.launch(request, []);
  await lost.start();
  (lost as unknown as { release(): void }).release();
  await first.close();
  const found = (await runtime.recover(request.id, request.dataDirectory)) as Shim;
  expect(found.started?.pid).toBeGreaterThan(0);
  const stream = await found.attach({ stdin: true, stdout: true, stderr: true });
  const output = collect(stream);
  stream.write(Buffer.from("again\n"));
  expect((await finish(found)).exitCode).toBe(5);
  expect(frames(await output, 1)).toBe("again\n");
});

/** Gone, or waiting for whoever adopted it. */
function isOver(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return true;
  }
}

test("what a shim that was killed leaves is ended and swept away, a living one's stays", async () => {
  // Shims of tests before may still be leaving.
  const folderOf = (id: string) =>
    readdirSync(join(folder, "exec/shim")).find((name) => id.startsWith(name.split("-")[0] ?? ""));
  const living = await runtime.launch(
    launch(["sh", "-c", "read x"], { openStdin: true, stdinOnce: true }),
    [],
  );
  await living.start();
  const killed = await runtime.launch(launch(["sleep", "100"]), []);
  const { pid } = await killed.start();
  process.kill(await shimOf(pid), "SIGKILL");
  expect((await killed.exited).exitCode).toBe(137);
  expect(isOver(pid)).toBe(true);
  expect(folderOf(killed.id)).toBeUndefined();
  // Killed while there is no daemon.
  const first = fixture.newRuntime();
  const unseen = await first.launch(launch(["sleep", "100"]), []);
  const { pid: other } = await unseen.start();
  (unseen as unknown as { release(): void }).release();
  await first.close();
  process.kill(await shimOf(other), "SIGKILL");
  // A process that the shim forked may still be ending, and hold its socket open.
  for (; folderOf(unseen.id) !== undefined; await Bun.sleep(2)) await runtime.sweep();
  expect(isOver(other)).toBe(true);
  expect(folderOf(living.id)).toBeDefined();
  await living.kill(9);
  await finish(living);
});

test("an exit that no daemon takes is left on disk", async () => {
  const request = launch(["sh", "-c", "read x; exit 9"], { openStdin: true, stdinOnce: true });
  const first = fixture.newRuntime();
  const lost = await first.launch(request, []);
  const stream = await lost.attach({ stdin: true, stdout: false, stderr: false });
  await lost.start();
  (lost as unknown as { release(): void }).release();
  await first.close();
  stream.end();
  const path = join(request.dataDirectory, EXIT_FILE);
  while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
  const record = (await runtime.recover(request.id, request.dataDirectory)) as ExitRecord;
  expect(record.exitCode).toBe(9);
});

test("streams and the start are asked for while the sandbox is made", async () => {
  const shim = await runtime.launch(launch(["sh", "-c", "echo first"]), []);
  const streams = [1, 2, 3].map(() => shim.attach({ stdin: false, stdout: true, stderr: true }));
  const started = shim.start();
  for (const stream of await Promise.all(streams)) {
    expect(frames(await collect(stream), 1)).toBe("first\n");
  }
  await started;
  await finish(shim);
});

async function untilGone(shim: Shim): Promise<void> {
  const prefix = shim.id.slice(0, 16);
  while (readdirSync(join(folder, "exec/shim")).some((name) => name.startsWith(prefix))) await Bun.sleep(5);
}

test("a launch that is not started leaves nothing", async () => {
  const shim = await runtime.launch(launch(["true"]), []);
  await shim.abandon();
  await untilGone(shim);
});

test("a container that is given up while its process comes, or when it is there, ends", async () => {
  for (const when of ["coming", "there"]) {
    const request = launch(["sleep", "100"]);
    const shim = await runtime.launch(request, []);
    const started = shim.start();
    if (when === "there") await started;
    await shim.abandon();
    await started.catch(() => {});
    await untilGone(shim);
    expect(existsSync(join(folder, "exec/runtime", shim.id))).toBe(false);
    expect(existsSync(join(request.dataDirectory, EXIT_FILE))).toBe(false);
  }
});

test("a container that is removed with its end leaves no cgroup, and can be started again at once", async () => {
  const request = launch(["true"], { once: true });
  let shim: Shim;
  for (let turn = 0; turn < 5; turn++) {
    shim = await runtime.launch(request, []);
    await shim.start();
    expect((await finish(shim)).exitCode).toBe(0);
  }
  await untilGone(shim!);
  const cgroup = openCgroup(`/berth/${request.id}`);
  while (cgroup.exists()) await Bun.sleep(5);
});
