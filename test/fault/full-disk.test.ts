/** The data root is full: what runs goes on, what fails says so and leaves nothing, and room can be made. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";
import { eventually } from "../harness/wait.ts";

describe.if(engineOfThisRun() === "berth")("a full disk", () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await startDaemon({ images: ["busybox"], dataRootMegabytes: 48 });
  }, 120_000);
  afterAll(() => daemon.stop(), 60_000);

  const free = () => {
    const { bavail, bsize } = statfsSync(daemon.dataRoot);
    return bavail * bsize;
  };
  const entries = () =>
    ["containers", "layers", "tmp", "trash", "volumes"]
      .flatMap((folder) => {
        try {
          return readdirSync(join(daemon.dataRoot, folder)).map((name) => `${folder}/${name}`);
        } catch {
          return [];
        }
      })
      .sort();
  /** Takes all that is left, to the last byte. */
  const fill = () =>
    daemon.host(
      "sh",
      "-c",
      `dd if=/dev/zero of='${daemon.dataRoot}/ballast' bs=64k 2>/dev/null; dd if=/dev/zero of='${daemon.dataRoot}/ballast2' bs=1 count=70000 2>/dev/null; true`,
    );
  const empty = () =>
    daemon.host("rm", "-f", join(daemon.dataRoot, "ballast"), join(daemon.dataRoot, "ballast2"));

  test("a container that fills it fails by itself, and its removal gives the room back", async () => {
    const before = free();
    const run = await daemon.docker(
      "run",
      "--name",
      "greedy",
      "busybox",
      "dd",
      "if=/dev/zero",
      "of=/big",
      "bs=1M",
      "count=1000",
    );
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("No space left on device");
    expect(free()).toBeLessThan(1_000_000);
    expect(await daemon.out("rm", "greedy")).toBe("greedy");
    await eventually("the room is free again", () => before - free() < 1_000_000);
    expect(await daemon.out("run", "--rm", "busybox", "echo", "works")).toBe("works");
  });

  test("with no byte left: containers run on, are seen, stopped and removed", async () => {
    await daemon.out(
      "run",
      "-d",
      "--name",
      "talks",
      "busybox",
      "sh",
      "-c",
      "i=0; while :; do i=$((i+1)); echo $i; echo $i > /dev/shm/now; sleep 0.01; done",
    );
    await daemon.out("run", "-d", "--name", "waits", "busybox", "sleep", "1000");
    await fill();
    expect(free()).toBe(0);
    // It is not held up by its log.
    const now = async () => Number((await daemon.docker("exec", "talks", "cat", "/dev/shm/now")).stdout);
    const then = await now();
    await eventually("it goes on", async () => (await now()) > then + 10);
    expect((await daemon.out("ps", "--format", "{{.Names}}")).split("\n").sort()).toEqual(["talks", "waits"]);
    expect((await daemon.docker("exec", "waits", "echo", "inside")).stdout).toBe("inside\n");
    expect((await daemon.docker("stop", "-t", "0", "waits")).exitCode).toBe(0);
    expect(await daemon.out("inspect", "-f", "{{.State.Status}}", "waits")).toBe("exited");
    expect((await daemon.docker("rm", "-f", "waits", "talks")).exitCode).toBe(0);
    expect(await daemon.out("ps", "-aq")).toBe("");
    await empty();
  }, 60_000);

  test("what cannot be made says why and leaves nothing", async () => {
    const archive = await imageArchive("busybox");
    await daemon.out("run", "--name", "grown", "busybox", "sh", "-c", "head -c 6000000 /dev/urandom > /r");
    const trash = () => entries().filter((entry) => entry.startsWith("trash/"));
    await eventually("what was removed before is gone", () => trash().length === 0);
    const before = entries();
    await fill();
    for (const command of [
      ["docker", "load", "-i", archive],
      ["docker", "import", archive, "another"],
      ["docker", "commit", "grown", "another"],
      [
        "docker",
        "run",
        "--name",
        "new",
        "-v",
        "fresh:/v",
        "busybox",
        "sh",
        "-c",
        "head -c 100000 /dev/zero > /f",
      ],
    ]) {
      const result = await daemon.run(command);
      // Loading what is there already needs no room.
      if (command[1] === "load" && result.exitCode === 0) continue;
      expect([command[1], result.exitCode === 0]).toEqual([command[1], false]);
      expect(`${result.stdout}${result.stderr}`.toLowerCase()).toMatch(
        /no space left on device|disk is full|enospc|disk full/,
      );
    }
    await empty();
    await daemon.docker("rm", "-f", "-v", "new");
    await daemon.docker("volume", "rm", "-f", "fresh");
    await eventually("nothing is left", () => {
      expect(entries()).toEqual(before);
      return true;
    });
    expect(await daemon.out("images", "-q", "another")).toBe("");
    await daemon.out("rm", "grown");
  }, 60_000);

  test("a daemon killed on a full disk starts again when there is room", async () => {
    await daemon.out("run", "-d", "--name", "stays", "busybox", "sleep", "1000");
    await fill();
    await daemon.kill("SIGKILL");
    await empty();
    await daemon.start();
    expect(await daemon.out("inspect", "-f", "{{.State.Status}}", "stays")).toBe("running");
    expect(await daemon.out("run", "--rm", "busybox", "echo", "works")).toBe("works");
    await daemon.out("rm", "-f", "stays");
  }, 60_000);
});
