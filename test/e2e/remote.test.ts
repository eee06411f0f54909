/** A daemon that is reached over TLS, and over ssh: what runs in it must not tell the difference. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../harness/certificate.ts";
import { run } from "../harness/command.ts";
import { type Daemon, DOCKER, DOCKER_20, startDaemon } from "../harness/daemon.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";
import { project } from "../harness/project.ts";
import { openTerminal } from "../harness/terminal.ts";
import { eventually } from "../harness/wait.ts";

/**
 * Stands for ssh and a machine behind it: what is asked of "far" is executed here, where `berth` and `docker` find the daemon by FAR.
 */
const SSH = `#!/bin/sh
while :; do
  case $1 in -[olp]) shift 2 ;; -*) shift ;; *) break ;; esac
done
[ "$1" = far ] || exit 255
shift
PATH=$(dirname "$0"):$PATH DOCKER_HOST=$FAR exec sh -c "$*"
`;

setDefaultTimeout(60_000);
const isBerth = engineOfThisRun() === "berth";
let folder: string;
let daemon: Daemon;
let port = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "berth-remote-"));
  await Promise.all([selfSigned(folder, "server", "127.0.0.1"), selfSigned(folder, "client")]);
  for (const [name, cert] of [
    ["own", "client"],
    ["other", "server"],
  ] as const) {
    mkdirSync(join(folder, name));
    copyFileSync(join(folder, "server.crt"), join(folder, name, "ca.pem"));
    copyFileSync(join(folder, `${cert}.crt`), join(folder, name, "cert.pem"));
    copyFileSync(join(folder, `${cert}.key`), join(folder, name, "key.pem"));
  }
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/ssh"), SSH);
  chmodSync(join(folder, "bin/ssh"), 0o755);
  symlinkSync(DOCKER, join(folder, "bin/docker"));
  if (isBerth) symlinkSync(BERTH, join(folder, "bin/berth"));
  port = 18_000 + (process.pid % 900);
  const tls = ["--tlscacert", "client.crt", "--tlscert", "server.crt", "--tlskey", "server.key"];
  const flags = tls.map((word) => (word.startsWith("--") ? word : join(folder, word)));
  daemon = await startDaemon({
    images: ["busybox"],
    flags: ["-H", `tcp://127.0.0.1:${port}`, "--tlsverify", ...flags],
  });
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await daemon?.stop();
}, 60_000);

const certificate = (name: string) => ({ DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: join(folder, name) });
const ways: Record<string, () => Record<string, string>> = {
  TLS: () => ({ DOCKER_HOST: `tcp://127.0.0.1:${port}`, ...certificate("own") }),
  ssh: () => ({ DOCKER_HOST: "ssh://far", FAR: `unix://${daemon.socket}` }),
};
const clients = { ...(isBerth && { berth: BERTH }), docker: DOCKER, docker20: DOCKER_20 };
const pairs = Object.keys(ways).flatMap((way) =>
  Object.keys(clients).map((client) => [way, client] as const),
);

describe.each(pairs)("%s, %s", (way, client) => {
  const program = clients[client as keyof typeof clients] as string;
  const argv = (words: string[]) => [...daemon.hostPrefix, program, ...words];
  const environment = (more: Record<string, string> = {}) => {
    const env = daemon.environment({ ...ways[way]?.(), ...more });
    return { ...env, PATH: `${join(folder, "bin")}:${env.PATH}` };
  };
  const call = (words: string[], stdin?: Uint8Array, more?: Record<string, string>) =>
    run(argv(words), { env: environment(more), ...(stdin && { stdin }) });

  test("run: output, errors, exit status", async () => {
    const ran = await call(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 42"]);
    expect(ran).toEqual({ exitCode: 42, stdout: "out\n", stderr: "err\n" });
    expect((await call(["run", "--rm", "none/such:1"])).exitCode).toBe(125);
  });

  test("run and exec: 8 MB in, and out again", async () => {
    const bytes = randomBytes(8_000_000);
    const sum = createHash("sha256").update(bytes).digest("hex");
    const name = `in-${way}-${client}`;
    const script = "tee /f | sha256sum; sha256sum < /f";
    const answer = { exitCode: 0, stdout: `${sum}  -\n`.repeat(2), stderr: "" };
    expect(
      await call(["run", "-i", "--name", name, "busybox", "sh", "-c", `${script}; cat > /more`], bytes),
    ).toEqual(answer);
    await daemon.out("start", name);
    expect((await call(["rm", "-f", name])).exitCode).toBe(0);
    await call(["run", "-d", "--name", name, "busybox", "sleep", "1000"]);
    expect(await call(["exec", "-i", name, "sh", "-c", script], bytes)).toEqual(answer);
    const out = await call(["exec", name, "sh", "-c", "base64 /f | tr -d '\\n'; echo end >&2; exit 3"]);
    expect(out).toEqual({ exitCode: 3, stdout: bytes.toString("base64"), stderr: "end\n" });
    await call(["rm", "-f", name]);
  });

  test("run -it, exec -it: a terminal, its size, keys, exit status", async () => {
    const name = `tty-${way}-${client}`;
    const open = (...words: string[]) => openTerminal(argv(words), environment(), { columns: 91, rows: 33 });
    const shell = open("run", "--rm", "-it", "--name", name, "busybox", "sh");
    await shell.until("# ");
    shell.type("until [ \"$(stty size)\" = '33 91' ]; do sleep 0.1; done; echo si''zed\n");
    await shell.until("sized");
    const other = open("exec", "-it", name, "sh", "-c", "echo read''y; read line; echo got $line; exit 6");
    await other.until("ready");
    other.type("words\n");
    await other.until("got words");
    expect(await other.exited).toBe(6);
    shell.type(`sh -c 'trap "exit 4" INT; echo sleep""ing; while :; do sleep 0.1; done'; echo code $?\n`);
    await shell.until("sleeping");
    shell.type("\x03");
    await shell.until("code 4");
    shell.type("exit 7\n");
    expect(await shell.exited).toBe(7);
  });

  test("^C is passed on", async () => {
    const script = "trap 'echo got; exit 9' INT; echo ready; while :; do sleep 0.1; done";
    const child = Bun.spawn(argv(["run", "--rm", "busybox", "sh", "-c", script]), {
      env: environment(),
      stdout: "pipe",
      stderr: "inherit",
    });
    let shown = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) shown += new TextDecoder().decode(chunk);
    })();
    await eventually("the container is ready", () => shown.includes("ready"));
    child.kill("SIGINT");
    expect(await child.exited).toBe(9);
    await reading;
    expect(shown).toBe("ready\ngot\n");
  });

  test.each(client === "docker" ? ["0"] : ["0", "1"])(
    "build, DOCKER_BUILDKIT=%s",
    async (DOCKER_BUILDKIT) => {
      const content = randomBytes(4_000_000).toString("base64");
      const context = project(daemon, { Dockerfile: "FROM busybox\nCOPY f /f\nRUN md5sum /f\n", f: content });
      const built = await call(["build", context], undefined, {
        DOCKER_BUILDKIT,
        BUILDKIT_PROGRESS: "plain",
      });
      expect(built.exitCode).toBe(0);
      expect(built.stdout + built.stderr).toContain(createHash("md5").update(content).digest("hex"));
    },
  );
});

test("TLS: nobody without a certificate that the daemon knows", async () => {
  for (const program of Object.values(clients)) {
    const env = daemon.environment({ DOCKER_HOST: `tcp://127.0.0.1:${port}`, ...certificate("other") });
    const refused = await run([...daemon.hostPrefix, program, "run", "--rm", "busybox", "true"], { env });
    expect(refused.exitCode).toBe(125);
    // Docker's client is told no more than that the connection has ended.
    expect(refused.stderr).toMatch(program === BERTH ? /certificate/ : /certificate|tls|EOF/);
  }
});
