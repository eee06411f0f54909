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
