/** The daemon's own life: starting, being told to stop, reloading, and what it refuses. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

// What is asked here is Berth's own command line and files.
const berthTest = test.if(engineOfThisRun() === "berth");

async function withDaemon(
  flags: readonly string[],
  work: (daemon: Daemon) => Promise<void>,
  images: readonly "busybox"[] = ["busybox"],
): Promise<void> {
  const daemon = await startDaemon({ flags, images });
  try {
    await work(daemon);
  } finally {
    await daemon.stop();
  }
}

const pidfile = (daemon: Daemon) => join(daemon.scope.directory, "pid");
const stateOf = (daemon: Daemon, name: string) =>
  daemon.out("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name);

/** A second daemon that shares some of the first one's places. */
function second(daemon: Daemon, flags: Record<string, string>): ReturnType<typeof run> {
  const { directory } = daemon.scope;
  const own = {
    "--data-root": join(directory, "data2"),
    "--exec-root": join(directory, "exec2"),
    "--pidfile": join(directory, "pid2"),
    "--config-file": join(directory, "daemon.json"),
    // None of these gets as far as making it.
    "--bridge": "none",
    "-H": `unix://${join(directory, "second.sock")}`,
    ...flags,
  };
  return run([BERTH, "daemon", ...Object.entries(own).flat()], { seconds: 20 });
}

berthTest(
  "it says when it is ready, and a clean stop leaves neither socket nor pidfile",
  async () => {
    await withDaemon([], async (daemon) => {
      expect(readFileSync(pidfile(daemon), "utf8")).toBe(String(daemon.pid));
      expect(daemon.log()).toContain(`level=info msg="API listen on ${daemon.socket}"`);
      await daemon.kill("SIGTERM");
      expect([existsSync(pidfile(daemon)), existsSync(daemon.socket)]).toEqual([false, false]);
      expect(readFileSync(join(daemon.dataRoot, "engine-id"), "utf8")).not.toBe("");
      await daemon.start();
    });
  },
  60_000,
);

berthTest(
  "SIGTERM stops the containers, and who is attached is told their end",
  async () => {
    await withDaemon([], async (daemon) => {
      const script = 'trap "echo bye; exit 3" TERM; echo ready; while true; do sleep 0.05; done';
      const attached = daemon.spawn(["docker", "run", "--name", "served", "busybox", "sh", "-c", script]);
      await eventually("the container runs", async () => (await daemon.out("logs", "served")) === "ready");
      await daemon.kill("SIGTERM");
      expect(await attached.exited).toBe(3);
      expect(await new Response(attached.stdout).text()).toBe("ready\nbye\n");
      await daemon.start();
      expect(await stateOf(daemon, "served")).toBe("exited 3");
    });
  },
  60_000,
);

berthTest(
  "with --live-restore they run on",
  async () => {
    await withDaemon(["--live-restore"], async (daemon) => {
      await daemon.out("run", "-d", "--name", "kept", "busybox", "sleep", "1000");
      const pid = await daemon.out("inspect", "--format", "{{.State.Pid}}", "kept");
      await daemon.kill("SIGTERM");
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      await daemon.start();
      expect(await daemon.out("inspect", "--format", "{{.State.Pid}} {{.State.Status}}", "kept")).toBe(
        `${pid} running`,
      );
      expect(await daemon.out("exec", "kept", "echo", "still here")).toBe("still here");
    });
  },
  60_000,
);

berthTest(
  "SIGHUP takes over daemon.json, or keeps what was when it is wrong",
  async () => {
    await withDaemon(
      [],
      async (daemon) => {
        const file = join(daemon.scope.directory, "daemon.json");
        const labels = () => daemon.out("info", "--format", "{{.Labels}}");
        const reload = async (content: string) => {
          writeFileSync(file, content);
          process.kill(daemon.pid, "SIGHUP");
        };
        await reload('{"labels":["a=b"]}');
        await eventually("the labels are new", async () => (await labels()) === "[a=b]");
        await reload('{"labels":');
        await eventually("the error is told", () => daemon.log().includes("Error reconfiguring the daemon"));
        expect(await labels()).toBe("[a=b]");
        writeFileSync(file, "{}");
      },
      [],
    );
  },
  60_000,
);

berthTest(
  "a daemon that cannot start says why, and leaves the first one and its own places alone",
  async () => {
    await withDaemon(
      [],
      async (daemon) => {
        const { directory } = daemon.scope;
        const [, , port] = (await listenAnywhere()).address;
        for (const [flags, reason] of [
          [
            { "--pidfile": pidfile(daemon) },
            `pid file found, ensure docker is not running or delete ${pidfile(daemon)}`,
          ],
          [
            { "--data-root": daemon.dataRoot },
            `the data root ${daemon.dataRoot} is in use by another daemon (pid ${daemon.pid})`,
          ],
          [
            { "--exec-root": join(directory, "exec") },
            `the exec root ${join(directory, "exec")} is in use by another daemon (pid ${daemon.pid})`,
          ],
          [
            { "--bridge": daemon.scope.bridge },
            `the bridge ${daemon.scope.bridge} is in use by another daemon`,
          ],
          [{ "-H": `unix://${daemon.socket}` }, `listen unix ${daemon.socket}: bind: address already in use`],
          [{ "-H": `tcp://127.0.0.1:${port}` }, `listen tcp 127.0.0.1:${port}: `],
          [{ "--default-runtime": "nope" }, "specified default runtime 'nope' does not exist"],
          [{ "--storage-driver": "nope" }, "error initializing graphdriver: driver not supported"],
          [{ "--group": "no-such-group" }, "group no-such-group not found"],
          [{ "--userns-remap": "default" }, "--userns-remap (userns-remap) is not supported by berth yet"],
        ] as [Record<string, string>, string][]) {
          const result = await second(daemon, flags);
          expect(result.stderr).toContain(reason);
          expect(result.exitCode).toBe(1);
          expect(existsSync(join(directory, "second.sock"))).toBe(false);
          if (!("--pidfile" in flags)) expect(existsSync(join(directory, "pid2"))).toBe(false);
        }
        expect(await daemon.out("version", "--format", "{{.Server.Version}}")).not.toBe("");
        expect(readFileSync(pidfile(daemon), "utf8")).toBe(String(daemon.pid));
      },
      [],
    );
  },
  120_000,
);

/** A TCP socket in use. */
async function listenAnywhere(): Promise<{ address: [string, string, number] }> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.unref();
  return { address: ["tcp", "127.0.0.1", listener.port] };
}
