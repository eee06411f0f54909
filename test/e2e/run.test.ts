/** `run` from its first byte to its exit status. Berth's command line begins it with one request to Berth's daemon; nobody shall notice. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, DOCKER, startDaemon } from "../harness/daemon.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const clients = [
  { name: "docker", present: existsSync(DOCKER) },
  { name: "berth", present: existsSync(BERTH) },
];

for (const { name, present } of clients) {
  describe.if(present)(name, () => {
    const run = (...args: string[]) => daemon.run([name, "run", ...args]);
    const states = async (container: string) =>
      daemon.out("ps", "-a", "--filter", `name=^${container}$`, "--format", "{{.State}}");

    test("what cannot be started: exit status, and what is left", async () => {
      writeFileSync(join(daemon.scope.directory, "text"), "no program");
      const text = ["-v", `${daemon.scope.directory}/text:/text`];
      const taken = daemon.port();
      for (const { status, args, says } of [
        { status: 127, args: ["busybox", "/missing"], says: "no such file or directory" },
        { status: 126, args: [...text, "busybox", "/text"], says: "permission denied" },
        { status: 126, args: ["busybox", "/etc"], says: /permission denied|is a directory/ },
      ]) {
        for (const [rm, left] of [
          [["--rm"], ""],
          [[], "created"],
        ] as const) {
          const container = `${name}-${status}`;
          const result = await run("--name", container, ...rm, ...args);
          expect(result).toMatchObject({ exitCode: status, stdout: "" });
          expect(result.stderr).toMatch(says);
          expect(await states(container)).toBe(left);
          if (left !== "") await daemon.out("rm", container);
        }
      }
      await daemon.out(
        "run",
        "-d",
        "--name",
        "taker",
        "-p",
        `127.0.0.1:${taken}:80`,
        "busybox",
        "sleep",
        "1000",
      );
      const busy = await run(
        "--rm",
        "-p",
        `127.0.0.1:${taken}:80`,
        "--name",
        `${name}-busy`,
        "busybox",
        "true",
      );
      expect(busy).toMatchObject({ exitCode: 125, stdout: "" });
      expect(busy.stderr).toContain("port is already allocated");
      expect(await states(`${name}-busy`)).toBe("");
      await daemon.out("rm", "-f", "taker");
    }, 60_000);

    test("what cannot be made", async () => {
      const flags = await run("--rm", "--memory", "1k", "busybox", "true");
      expect(flags).toMatchObject({ exitCode: 125, stdout: "" });
      expect(flags.stderr).toContain("Minimum memory limit allowed is 6MB");
      const image = await run("--rm", "--pull", "never", "nothing.invalid/missing", "true");
      expect(image.exitCode).toBe(125);
      expect(image.stderr).toContain("No such image: nothing.invalid/missing:latest");
    });

    test("the end of a container with --rm is told when it is gone, that of another when it has ended", async () => {
      const id = join(daemon.scope.directory, `${name}.cid`);
      expect((await run("--rm", "--cidfile", id, "busybox", "sh", "-c", "exit 5")).exitCode).toBe(5);
      const gone = await daemon.docker("inspect", readFileSync(id, "utf8"));
      expect(gone.stderr.toLowerCase()).toContain("no such object");
      expect((await run("--name", `${name}-ended`, "busybox", "sh", "-c", "exit 6")).exitCode).toBe(6);
      expect(await states(`${name}-ended`)).toBe("exited");
      await daemon.out("rm", `${name}-ended`);
    });

    test("attached to some streams only", async () => {
      const both = ["busybox", "sh", "-c", "echo out; echo err >&2; cat; exit 3"];
      expect(await run("--rm", "-a", "stdout", ...both)).toEqual({
        exitCode: 3,
        stdout: "out\n",
        stderr: "",
      });
      expect(await run("--rm", "-a", "stderr", ...both)).toEqual({
        exitCode: 3,
        stdout: "",
        stderr: "err\n",
      });
      const input = await daemon.run(
        [name, "run", "--name", `${name}-input`, "-i", "-a", "stdin", "busybox", "cat"],
        { stdin: "typed" },
      );
      expect(input).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await daemon.out("logs", `${name}-input`)).toBe("typed");
      await daemon.out("rm", `${name}-input`);
    });

    test("a stream that ends before the container does", async () => {
      const result = await run("--rm", "busybox", "sh", "-c", "echo out; exec >&- 2>&-; sleep 0.2; exit 4");
      expect(result).toEqual({ exitCode: 4, stdout: "out\n", stderr: "" });
    });

    test("input that is longer than all buffers, and whose end the process sees", async () => {
      const stdin = "0123456789abcdef".repeat(512 * 1024);
      const count = await daemon.run([name, "run", "--rm", "-i", "busybox", "wc", "-c"], { stdin });
      expect(count).toEqual({ exitCode: 0, stdout: `${stdin.length}\n`, stderr: "" });
      // One that does not read its input.
      const unread = await daemon.run([name, "run", "--rm", "-i", "busybox", "true"], { stdin });
      expect(unread).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    }, 30_000);

    test("signals are passed on", async () => {
      const child = daemon.spawn([
        ...[name, "run", "--rm", "--name", `${name}-signals`, "busybox", "sh", "-c"],
        "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done",
      ]);
      const reader = child.stdout.getReader();
      let text = "";
      const until = async (wanted: string) => {
        while (!text.includes(wanted)) {
          const { value, done } = await reader.read();
          if (done) throw new Error(`ended after ${JSON.stringify(text)}`);
          text += new TextDecoder().decode(value);
        }
      };
      await until("ready");
      child.kill("SIGTERM");
      await until("got it");
      expect(await child.exited).toBe(9);
    }, 30_000);

    test("a client that is killed leaves its container running", async () => {
      const child = daemon.spawn([
        name,
        "run",
        "--name",
        `${name}-orphan`,
        "busybox",
        "sh",
        "-c",
        "echo up; sleep 1000",
      ]);
      expect((await child.stdout.getReader().read()).value).toEqual(new TextEncoder().encode("up\n"));
      child.kill("SIGKILL");
      await child.exited;
      expect(await states(`${name}-orphan`)).toBe("running");
      await daemon.out("rm", "-f", `${name}-orphan`);
    }, 30_000);

    test("events, in their order", async () => {
      const container = `${name}-events`;
      const since = String(Date.now() / 1000 - 0.001);
      expect((await run("--rm", "--name", container, "busybox", "true")).exitCode).toBe(0);
      const told = await daemon.out(
        ...["events", "--since", since, "--until", String(Date.now() / 1000 + 0.001)],
        ...["--filter", `container=${container}`, "--format", "{{.Action}}"],
      );
      expect(told.split("\n")).toEqual(["create", "attach", "start", "die", "destroy"]);
    });
  });
}

test.if(engineOfThisRun() === "berth")(
  "the daemon's death is told, and is not the container's",
  async () => {
    const child = daemon.spawn([
      "berth",
      "run",
      "--name",
      "survivor",
      "busybox",
      "sh",
      "-c",
      "echo up; sleep 1000",
    ]);
    await child.stdout.getReader().read();
    await daemon.kill();
    expect(await child.exited).toBe(125);
    expect(await new Response(child.stderr).text()).toContain("error waiting for container: unexpected EOF");
    await daemon.start();
    expect(await daemon.out("inspect", "-f", "{{.State.Status}}", "survivor")).toBe("running");
    await daemon.out("rm", "-f", "survivor");
  },
  30_000,
);

test("a client that goes away at any moment leaves a container that was only made, or runs to its end", async () => {
  for (let moment = 0; moment < 40; moment += 2) {
    const container = `early-${moment}`;
    const child = daemon.spawn(["berth", "run", "--name", container, "busybox", "true"]);
    await Bun.sleep(moment);
    child.kill("SIGKILL");
    await child.exited;
  }
  await eventually("nothing runs", async () => (await daemon.out("ps", "-q")) === "");
  const ended = await daemon.out("ps", "-a", "--format", "{{.Status}}");
  for (const status of ended.split("\n")) expect(status).toMatch(/^(|Created|Exited \(0\) .*)$/);
}, 60_000);

/** Its threads would come with the first function that it takes up: a twelfth of all that `run` does in its process. */
test.if(existsSync(BERTH))("the command line wakes no compiler on its way", async () => {
  for (const words of [
    ["ps"],
    ["run", "--rm", "busybox", "true"],
    ["run", "--rm", "--network", "none", "-e", "A=1", "-v", "some:/v", "busybox", "true"],
  ]) {
    const result = await daemon.run(["env", "BUN_JSC_reportCompileTimes=1", BERTH, ...words]);
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  }
});
