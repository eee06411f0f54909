/** The daemon dies and comes back; containers, logs and exit codes do not notice. Docker 20.10 promises none of this by default. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

describe.if(engineOfThisRun() === "berth")("survival", () => {
  let daemon: Daemon;
  beforeEach(async () => {
    daemon = await startDaemon({ images: ["busybox"] });
  }, 120_000);
  afterEach(() => daemon.stop(), 60_000);

  const state = (name: string) => daemon.out("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name);
  const pid = async (name: string) => Number(await daemon.out("inspect", "-f", "{{.State.Pid}}", name));

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    test(`${signal}${signal === "SIGTERM" ? " with live-restore" : ""}: containers run on, and everything about them is still true`, async () => {
      if (signal === "SIGTERM") {
        await daemon.kill("SIGTERM");
        await daemon.start(["--live-restore"]);
      }
      const port = daemon.port();
      const server = "mkdir /www; echo served > /www/index.html; httpd -f -p 80 -h /www";
      await daemon.out("network", "create", "kept");
      await daemon.out(
        "run",
        "-d",
        "--name",
        "runs",
        "--network",
        "kept",
        "-p",
        `${port}:80`,
        "-v",
        "vol:/v",
        "busybox",
        "sh",
        "-c",
        server,
      );
      await daemon.out(
        "run",
        "-d",
        "--name",
        "counts",
        "busybox",
        "sh",
        "-c",
        "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done",
      );
      await daemon.out(
        "run",
        "-d",
        "--name",
        "ends",
        "busybox",
        "sh",
        "-c",
        "while ! test -e /go; do sleep 0.02; done; echo last words; exit 42",
      );
      await daemon.out("run", "-d", "--name", "killed", "busybox", "sleep", "1000");
      await daemon.out("pause", "killed");
      await daemon.out("create", "--name", "created", "busybox", "true");
      await eventually(
        "served",
        async () => (await daemon.host("curl", "-sf", `http://127.0.0.1:${port}/`)).stdout === "served\n",
      );
      const before = [await pid("runs"), await pid("counts"), await pid("ends"), await pid("killed")];
      const inspected = await daemon.out("inspect", "runs");

      await daemon.kill(signal);

      // With no daemon: processes live, the port answers, output is logged.
      for (const one of before) expect(existsSync(`/proc/${one}`)).toBe(true);
      expect((await daemon.host("curl", "-sf", "--max-time", "3", `http://127.0.0.1:${port}/`)).stdout).toBe(
        "served\n",
      );
      expect(
        (await daemon.host("curl", "-sf", "--max-time", "3", `http://${await daemon.hostAddress()}:${port}/`))
          .stdout,
      ).toBe("served\n");
      // One ends meanwhile.
      await daemon.host("touch", `/proc/${before[2]}/root/go`);
      await eventually("it has ended", () => !existsSync(`/proc/${before[2]}`));

      await daemon.start(signal === "SIGTERM" ? ["--live-restore"] : []);

      expect(await state("ends")).toBe("exited 42");
      expect(await daemon.out("logs", "ends")).toBe("last words");
      expect([await pid("runs"), await pid("counts"), await pid("killed")]).toEqual([
        before[0]!,
        before[1]!,
        before[3]!,
      ]);
      expect(await state("killed")).toBe("paused 0");
      expect(await state("created")).toBe("created 0");
      expect(await daemon.out("inspect", "runs")).toBe(inspected);
      expect((await daemon.host("curl", "-sf", `http://127.0.0.1:${port}/`)).stdout).toBe("served\n");
      expect(await daemon.out("exec", "runs", "hostname")).toBe(inspected.match(/"Hostname": "(\w+)"/)![1]!);
      expect(
        await daemon.out("run", "--rm", "--network", "kept", "busybox", "wget", "-qO-", "http://runs/"),
      ).toBe("served");

      // No line is lost or doubled, over the death of the daemon.
      const after = Number((await daemon.out("logs", "--tail", "1", "counts")).trim());
      await eventually(
        "it goes on counting",
        async () => Number(await daemon.out("logs", "--tail", "1", "counts")) > after,
      );
      await daemon.out("stop", "-t", "0", "counts");
      const lines = (await daemon.out("logs", "counts")).split("\n").map(Number);
      expect(lines).toEqual(Array.from({ length: lines.length }, (_, index) => index + 1));

      await daemon.out("unpause", "killed");
      await daemon.out("stop", "-t", "0", "killed", "runs");
      expect(await state("runs")).toBe("exited 137");
      expect((await daemon.host("curl", "-s", "--max-time", "2", `http://127.0.0.1:${port}/`)).stdout).toBe(
        "",
      );
      await daemon.out("start", "runs");
      await eventually(
        "served again",
        async () => (await daemon.host("curl", "-sf", `http://127.0.0.1:${port}/`)).stdout === "served\n",
      );
      await daemon.out("rm", "-f", "-v", "runs", "counts", "ends", "killed", "created");
      await daemon.out("network", "rm", "kept");
      await daemon.out("volume", "rm", "vol");
    }, 90_000);
  }

  test("a terminal and its shell outlive the daemon", async () => {
    await daemon.out("run", "-dit", "--name", "shell", "busybox", "sh", "-c", "PS1='ready'': ' exec sh");
    const first = daemon.terminal(["docker", "attach", "shell"]);
    await eventually("attached", () => {
      first.type("\r");
      return first.screen().includes("ready: ");
    });
    first.type("kept=yes; echo set $kept\r");
    await first.until("set yes");
    await daemon.kill();
    await first.exited;
    await daemon.start();
    const second = daemon.terminal(["docker", "attach", "shell"]);
    await eventually("the same shell answers", () => {
      second.type("echo still $kept\r");
      return second.screen().includes("still yes");
    });
    second.type("exit 5\r");
    await second.exited;
    await eventually("it ended", async () => (await state("shell")) === "exited 5");
    await daemon.out("rm", "shell");
  }, 60_000);

  test("--rm and restart policies hold over the daemon's death", async () => {
    await daemon.out(
      "run",
      "-d",
      "--rm",
      "--name",
      "temporary",
      "busybox",
      "sh",
      "-c",
      "while ! test -e /go; do sleep 0.02; done",
    );
    await daemon.out("run", "-d", "--restart", "always", "--name", "always", "busybox", "sleep", "1000");
    await daemon.out(
      "run",
      "-d",
      "--restart",
      "on-failure:5",
      "--name",
      "failing",
      "busybox",
      "sh",
      "-c",
      "while ! test -e /go; do sleep 0.02; done; rm /go; exit 3",
    );
    const [temporary, always, failing] = [await pid("temporary"), await pid("always"), await pid("failing")];
    await daemon.kill();
    await daemon.host("touch", `/proc/${temporary}/root/go`, `/proc/${failing}/root/go`);
    process.kill(always, "SIGKILL");
    await eventually("they ended", () =>
      [temporary, always, failing].every((one) => !existsSync(`/proc/${one}`)),
    );
    await daemon.start();
    await eventually(
      "the --rm container is removed",
      async () => (await daemon.docker("inspect", "temporary")).exitCode === 1,
    );
    await eventually(
      "the others are started again",
      async () => (await pid("always")) > 0 && (await pid("failing")) > 0,
    );
    expect(await daemon.out("inspect", "-f", "{{.RestartCount}}", "failing")).toBe("1");
    await daemon.out("rm", "-f", "always", "failing");
  }, 60_000);

  test("images, volumes, networks and settings outlive it", async () => {
    await daemon.out("tag", "busybox", "kept:1");
    await daemon.out("volume", "create", "--label", "a=b", "kept");
    await daemon.out("network", "create", "--label", "c=d", "kept");
    await daemon.out(
      "create",
      "--name",
      "kept",
      "-m",
      "64m",
      "-e",
      "A=1",
      "--network",
      "kept",
      "-v",
      "kept:/v",
      "busybox",
      "sh",
    );
    const all = async () => [
      await daemon.out("inspect", "kept"),
      await daemon.out("volume", "inspect", "kept"),
      await daemon.out("network", "inspect", "kept"),
      await daemon.out("image", "inspect", "kept:1"),
      await daemon.out("info", "--format", "{{.ID}}"),
    ];
    const before = await all();
    await daemon.kill();
    await daemon.start();
    expect(await all()).toEqual(before);
    await daemon.out("rm", "kept");
    await daemon.out("volume", "rm", "kept");
    await daemon.out("network", "rm", "kept");
    await daemon.out("rmi", "kept:1");
  }, 60_000);

  test("a second daemon on the same roots is refused", async () => {
    const second = await daemon.run([
      "berth",
      "daemon",
      "--data-root",
      daemon.dataRoot,
      "--exec-root",
      `${daemon.scope.directory}/exec`,
      "--pidfile",
      `${daemon.scope.directory}/pid`,
      "-H",
      `unix://${daemon.scope.directory}/second.sock`,
      "--config-file",
      `${daemon.scope.directory}/daemon.json`,
      "--bridge",
      daemon.scope.bridge,
    ]);
    expect(second.exitCode).not.toBe(0);
    expect(second.stderr).toContain("pid");
    expect(await daemon.out("ps", "-q")).toBe("");
  });
});
