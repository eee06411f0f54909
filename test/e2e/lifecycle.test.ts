/** Containers that are started, restarted, ended: what users rely on in between. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

test("a container with --rm is restarted with its files, and removed when it is stopped", async () => {
  await daemon.out("run", "-d", "--rm", "--name", "once", "busybox", "sleep", "1000");
  await daemon.out("exec", "once", "sh", "-c", "echo kept > /file");
  for (let time = 0; time < 3; time++) {
    expect(await daemon.out("restart", "-t", "0", "once")).toBe("once");
    expect(await daemon.out("exec", "once", "cat", "/file")).toBe("kept");
  }
  await daemon.out("stop", "-t", "0", "once");
  await eventually("it is gone", async () => (await daemon.out("ps", "-aq")) === "");
});

test("an IPC namespace is joined only where its owner shares it", async () => {
  const donor = (mode: string) =>
    daemon.out(
      "run",
      "-d",
      "--name",
      mode,
      "--ipc",
      mode,
      "busybox",
      "sh",
      "-c",
      "echo in > /dev/shm/f; sleep 1000",
    );
  const join = (mode: string) =>
    daemon.docker("run", "--rm", "--ipc", `container:${mode}`, "busybox", "cat", "/dev/shm/f");
  await donor("shareable");
  await eventually("it is shared", async () => (await join("shareable")).stdout === "in\n");
  const id = await donor("private");
  const refused = await join("private");
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toContain(`can't join IPC of container ${id}: non-shareable IPC`);
  await daemon.out("stop", "-t", "0", "shareable");
  expect((await join("shareable")).stderr).toContain("is not running");
  await daemon.out("rm", "-f", "shareable", "private");
});

test("a legacy link needs a running container on the default bridge", async () => {
  await daemon.out("network", "create", "other");
  await daemon.out("create", "--name", "target", "busybox", "sleep", "1000");
  const run = () =>
    daemon.docker(
      "run",
      "--rm",
      "--name",
      "user",
      "--link",
      "target:t",
      "busybox",
      "grep",
      "-c",
      "\tt ",
      "/etc/hosts",
    );
  expect((await run()).stderr).toContain("Cannot link to a non running container: /target AS /user/t");
  await daemon.out("start", "target");
  expect(await run()).toMatchObject({ exitCode: 0, stdout: "1\n" });
  await daemon.out("rm", "-f", "target");
  await daemon.out("run", "-d", "--name", "target", "--network", "other", "busybox", "sleep", "1000");
  expect((await run()).stderr).toContain(
    "Cannot link to /target, as it does not belong to the default network",
  );
  await daemon.out("rm", "-f", "target");
  await daemon.out("network", "rm", "other");
});
