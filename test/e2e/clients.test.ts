/** The same everyday work with every command line: Docker's newest, Debian's, and Berth's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Daemon, DOCKER, DOCKER_20, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const clients = [
  { name: "docker", present: existsSync(DOCKER) },
  { name: "docker20", present: existsSync(DOCKER_20) },
  { name: "berth", present: engineOfThisRun() === "berth" },
];

for (const { name, present } of clients) {
  describe.if(present)(name, () => {
    const run = (...args: string[]) => daemon.run([name, ...args]);
    const out = async (...args: string[]) => (await daemon.ok([name, ...args])).stdout.trimEnd();

    test("run: output, input, exit status", async () => {
      expect(await run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")).toEqual({
        exitCode: 7,
        stdout: "out\n",
        stderr: "err\n",
      });
      const piped = await daemon.run([name, "run", "--rm", "-i", "busybox", "tr", "a-z", "A-Z"], {
        stdin: "hello\n",
      });
      expect(piped).toEqual({ exitCode: 0, stdout: "HELLO\n", stderr: "" });
    });

    test("a container from create to rm", async () => {
      const id = await out("create", "--name", `${name}-life`, "busybox", "sh", "-c", "echo hello; exit 3");
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(await out("start", `${name}-life`)).toBe(`${name}-life`);
      expect(await out("wait", `${name}-life`)).toBe("3");
      expect(await out("logs", `${name}-life`)).toBe("hello");
      expect(
        await out("ps", "-a", "--filter", `name=${name}-life`, "--format", "{{.Names}} {{.State}}"),
      ).toBe(`${name}-life exited`);
      expect(await out("inspect", "-f", "{{.State.ExitCode}} {{.Id}}", `${name}-life`)).toBe(`3 ${id}`);
      expect(await out("rm", `${name}-life`)).toBe(`${name}-life`);
      const again = await run("rm", `${name}-life`);
      expect(again.exitCode).toBe(1);
      expect(again.stderr).toContain(`No such container: ${name}-life`);
    });

    test("exec, stop, pause, rename, top, port, diff", async () => {
      const container = `${name}-work`;
      await out("run", "-d", "--name", container, "-p", "127.0.0.1::80", "busybox", "sleep", "1000");
      expect(await out("exec", container, "hostname")).toMatch(/^[0-9a-f]{12}$/);
      expect((await run("exec", container, "sh", "-c", "exit 9")).exitCode).toBe(9);
      expect(await out("port", container, "80")).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(await out("top", container)).toContain("sleep 1000");
      // Of a user that the daemon is not, without -e.
      const other = await out("run", "-d", "--user", "65532", "busybox", "sleep", "1000");
      expect(await out("top", other, "-o", "pid,comm")).toMatch(/\d+\s+sleep/);
      expect(await out("top", other, "-ef", "f")).toContain("sleep 1000");
      await out("rm", "-f", other);
      await out("exec", container, "touch", "/new");
      expect(await out("diff", container)).toBe("A /new");
      await out("pause", container);
      expect(await out("inspect", "-f", "{{.State.Status}}", container)).toBe("paused");
      await out("unpause", container);
      await out("rename", container, `${container}-2`);
      await out("stop", "-t", "0", `${container}-2`);
      expect(await out("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", `${container}-2`)).toBe(
        "exited 137",
      );
      await out("start", `${container}-2`);
      await out("kill", `${container}-2`);
      await out("rm", "-f", `${container}-2`);
    });

    test("images: tag, list, history, remove", async () => {
      await out("tag", "busybox", `${name}-tagged:v1`);
      expect(await out("images", "--format", "{{.Repository}}:{{.Tag}}", `${name}-tagged`)).toBe(
        `${name}-tagged:v1`,
      );
      expect(await out("history", "-q", `${name}-tagged:v1`)).not.toBe("");
      expect(await out("rmi", `${name}-tagged:v1`)).toContain(`Untagged: ${name}-tagged:v1`);
      expect((await run("image", "inspect", `${name}-tagged:v1`)).exitCode).toBe(1);
    });

    test("volumes and networks", async () => {
      expect(await out("volume", "create", `${name}-data`)).toBe(`${name}-data`);
      await out("run", "--rm", "-v", `${name}-data:/d`, "busybox", "sh", "-c", "echo kept > /d/f");
      expect(await out("run", "--rm", "-v", `${name}-data:/d:ro`, "busybox", "cat", "/d/f")).toBe("kept");
      expect(await out("volume", "ls", "-q", "--filter", `name=${name}-data`)).toBe(`${name}-data`);
      await out("volume", "rm", `${name}-data`);
      await out("network", "create", `${name}-net`);
      await out(
        "run",
        "-d",
        "--name",
        `${name}-server`,
        "--network",
        `${name}-net`,
        "busybox",
        "sleep",
        "1000",
      );
      const ping = await out(
        "run",
        "--rm",
        "--network",
        `${name}-net`,
        "busybox",
        "ping",
        "-c1",
        `${name}-server`,
      );
      expect(ping).toContain("1 packets received");
      await out("rm", "-f", `${name}-server`);
      await out("network", "rm", `${name}-net`);
    });

    test("version and info name client and server", async () => {
      expect(await out("version", "--format", "{{.Server.Os}}")).toBe("linux");
      expect(Number(await out("info", "--format", "{{.NCPU}}"))).toBeGreaterThan(0);
    });

    test("an unknown flag and an unknown command fail with a hint", async () => {
      const flag = await run("run", "--no-such-flag", "busybox");
      expect(flag.exitCode).toBe(125);
      expect(flag.stderr).toContain("unknown flag: --no-such-flag");
      const command = await run("nosuchcommand");
      expect(command.exitCode).not.toBe(0);
      expect(command.stderr).toContain("nosuchcommand");
    });
  });
}
