/** Where a build's files come from: mounts of the context, OCI layouts, named folders, repositories; and what is kept of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { build, buildOk, project } from "../harness/project.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox"] });
}, 120_000);
afterAll(() => daemon?.stop(), 60_000);

const SECONDS = 120_000;
const text = (result: { stdout: string; stderr: string }) => result.stdout + result.stderr;
const data = (...parts: string[]) => join(daemon.scope.directory, "data", ...parts);

/** A repository of `files` and links, served by git itself; the address of its daemon. */
async function repository(files: Record<string, string>): Promise<{ url: string; pid: string }> {
  const root = join(daemon.scope.directory, `git-${crypto.randomUUID().slice(0, 8)}`);
  const work = join(root, "work");
  mkdirSync(work, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(work, path, ".."), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), join(work, path));
    else writeFileSync(join(work, path), content);
  }
  const git = async (...args: string[]) => {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    const done = await daemon.host("git", ...identity, "-C", work, ...args);
    if (done.exitCode !== 0) throw new Error(text(done));
  };
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-qm", "all");
  const port = daemon.port();
  const pid = join(root, "pid");
  const options = ["--reuseaddr", "--export-all", "--listen=127.0.0.1", `--port=${port}`, "--detach"];
  const served = await daemon.host("git", "daemon", ...options, `--base-path=${root}`, `--pid-file=${pid}`);
  if (served.exitCode !== 0) throw new Error(text(served));
  return { url: `git://127.0.0.1:${port}/work`, pid };
}

describe("mounts of RUN", () => {
  test(
    "a file of the context: the step is executed again when that file changes, and for no other",
    async () => {
      const Dockerfile =
        "FROM busybox\nRUN --mount=type=bind,source=package.json,target=/p.json --mount=type=bind,source=d,target=/d cat /p.json /d/f > /seen\n";
      const folder = project(daemon, { Dockerfile, "package.json": "1", "d/f": "2", other: "3" });
      await buildOk(daemon, folder, ["-t", "mounted"]);
      expect(await daemon.out("run", "--rm", "mounted", "cat", "/seen")).toBe("12");
      writeFileSync(join(folder, "other"), "4");
      expect(text(await buildOk(daemon, folder))).toContain("CACHED\n\n");
      writeFileSync(join(folder, "d/f"), "5");
      await buildOk(daemon, folder, ["-t", "mounted"]);
      expect(await daemon.out("run", "--rm", "mounted", "cat", "/seen")).toBe("15");
    },
    SECONDS,
  );

  test(
    "the same stages mounted in another order are another step",
    async () => {
      const file = (third: string) =>
        `FROM busybox AS a\nRUN echo A > /w\nFROM busybox AS b\nRUN echo B > /w\nFROM busybox\nRUN --mount=from=a,target=/x --mount=from=b,target=/y --mount=from=${third},target=/z cat /x/w /y/w /z/w | tr -d '\\n' > /seen\n`;
      await buildOk(daemon, project(daemon, { Dockerfile: file("a") }), ["-t", "order-a"]);
      await buildOk(daemon, project(daemon, { Dockerfile: file("b") }), ["-t", "order-b"]);
      expect(await daemon.out("run", "--rm", "order-a", "cat", "/seen")).toBe("ABA");
      expect(await daemon.out("run", "--rm", "order-b", "cat", "/seen")).toBe("ABB");
    },
    SECONDS,
  );

  test(
    "part of a stage that was built anew and came out the same",
    async () => {
      const file = (comment: string) =>
        `FROM busybox AS a\nRUN mkdir /out && echo same > /out/f # ${comment}\nFROM busybox\nRUN --mount=from=a,source=/out,target=/o cp /o/f /f\n`;
      await buildOk(daemon, project(daemon, { Dockerfile: file("1") }));
      const second = text(await buildOk(daemon, project(daemon, { Dockerfile: file("2") })));
      expect(second).toMatch(/\[stage-1 2\/2\] RUN --mount.*\n#\d+ CACHED/);
    },
    SECONDS,
  );

  test(
    "a file that the step may write, and a root of more layers than one mount takes by their full names",
    async () => {
      const steps = Array.from({ length: 45 }, (_, n) => `RUN echo ${n} > /f${n}`).join("\n");
      const Dockerfile = `FROM busybox AS many\n${steps}\nFROM busybox\nRUN --mount=type=bind,source=f,target=/f,rw echo new > /f && cat /f > /seen\nRUN --mount=from=many,target=/m cat /m/f0 /m/f44 >> /seen\n`;
      await buildOk(daemon, project(daemon, { Dockerfile, f: "old" }), ["-t", "many"]);
      expect(await daemon.out("run", "--rm", "many", "cat", "/seen")).toBe("new\n0\n44");
    },
    SECONDS,
  );
});

describe("named contexts", () => {
  test(
    "an OCI layout, by tag, by digest, and alone; what is not in it is said",
    async () => {
      const made = project(daemon, {
        Dockerfile: "FROM busybox\nRUN echo base > /made\nENV FROM_LAYOUT=1\n",
      });
      const layout = join(made, "layout");
      await buildOk(daemon, made, ["-o", `type=oci,tar=false,dest=${layout},name=example.com/x:v1`]);
      const folder = project(daemon, { Dockerfile: "FROM base\nRUN cat /made && env\n" });
      const from = (selector: string) => ["--build-context", `base=oci-layout://${layout}${selector}`];
      expect(text(await buildOk(daemon, folder, from(":v1")))).toContain("FROM_LAYOUT=1");
      const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
      await buildOk(daemon, folder, from(`@${index.manifests[0].digest}`));
      await buildOk(daemon, folder, from(""));
      const missing = await build(daemon, folder, from(":v2"));
      expect(missing.exitCode).not.toBe(0);
      expect(text(missing)).toContain('could not find tag "v2" in the OCI layout');
      const none = await build(daemon, folder, ["--build-context", `base=oci-layout://${folder}`]);
      expect(text(none)).toContain("is no OCI layout: it has no index.json");
    },
    SECONDS,
  );

  test(
    "a folder has its own .dockerignore",
    async () => {
      const named = project(daemon, { ".dockerignore": "hidden\n", hidden: "1", open: "2" });
      const folder = project(daemon, { Dockerfile: "FROM busybox\nCOPY --from=n . /n\nRUN ls /n > /seen\n" });
      await buildOk(daemon, folder, ["-t", "named", "--build-context", `n=${named}`]);
      expect(await daemon.out("run", "--rm", "named", "cat", "/seen")).toBe("open");
    },
    SECONDS,
  );
});

describe("git", () => {
  test(
    "a folder of a repository that is a link leads nowhere outside",
    async () => {
      const Dockerfile = "FROM busybox\nCOPY . /c\nRUN ls /c > /seen\n";
      const { url, pid } = await repository({
        "real/Dockerfile": Dockerfile,
        good: "-> real",
        evil: "-> /etc",
        climbing: "-> ../../../../../../../../etc",
      });
      try {
        await buildOk(daemon, `${url}#main:good`, ["-t", "from-git"]);
        expect(await daemon.out("run", "--rm", "from-git", "cat", "/seen")).toBe("Dockerfile");
        for (const folder of ["evil", "climbing"]) {
          const failed = await build(daemon, `${url}#main:${folder}`);
          expect(failed.exitCode).not.toBe(0);
          expect(text(failed)).toContain("no such directory");
        }
        const add = project(daemon, { Dockerfile: `FROM busybox\nADD ${url}.git#main:evil /e\n` });
        expect((await build(daemon, add)).exitCode).not.toBe(0);
      } finally {
        await daemon.host("kill", readFileSync(pid, "utf8").trim());
      }
    },
    SECONDS,
  );
});

test(
  "--keep-git-dir keeps a repository that tells nothing of this machine",
  async () => {
    const { url, pid } = await repository({ f: "1" });
    try {
      const Dockerfile = `FROM busybox\nADD --keep-git-dir=true ${url} /r\n`;
      await buildOk(daemon, project(daemon, { Dockerfile }), ["-t", "kept-git"]);
      const script = `cat /r/.git/config; test ! -e /r/.git/FETCH_HEAD; grep -rl '${daemon.scope.directory}' /r`;
      const found = await daemon.run(["docker", "run", "--rm", "kept-git", "sh", "-c", script]);
      expect(found.stdout).toContain(`url = ${url}`);
      expect(found.stdout).not.toContain("/r/");
    } finally {
      await daemon.host("kill", readFileSync(pid, "utf8").trim());
    }
  },
  SECONDS,
);

describe("downloads", () => {
  test(
    "servers that break off, send in circles or name paths: the build says so, and the daemon lives",
    async () => {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", (request) => {
          const [, path] = /^GET (\S+)/.exec(String(request)) ?? [];
          if (path === "/short") socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi");
          else if (path === "/loop")
            socket.end("HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
          else if (path === "/file")
            socket.end("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
          else socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const add = (path: string) => project(daemon, { Dockerfile: `FROM busybox\nADD ${url}${path} /o/\n` });
      try {
        for (const [path, reason] of [
          ["/short", "unexpected EOF"],
          ["/loop", "stopped after 10 redirects"],
          ["/file", "unsupported protocol scheme"],
        ] as const) {
          const failed = await build(daemon, add(path));
          expect(failed.exitCode).not.toBe(0);
          expect(text(failed)).toContain(`failed to load cache key: Get "${url}${path}": ${reason}`);
        }
        await buildOk(daemon, add("/%2e%2e%2f%2e%2e%2fup"), ["-t", "named-up"]);
        expect(await daemon.out("run", "--rm", "named-up", "ls", "-A", "/o")).toBe("....up");
      } finally {
        server.close();
      }
    },
    SECONDS,
  );

  test(
    "a file that cannot be written where it should go",
    async () => {
      const folder = project(daemon, { Dockerfile: "FROM busybox\n" });
      const failed = await build(daemon, folder, ["-o", `type=tar,dest=${folder}/none/x.tar`]);
      expect(failed.exitCode).not.toBe(0);
      expect(text(failed)).toContain("no such file or directory");
      await buildOk(daemon, folder);
    },
    SECONDS,
  );
});

describe("what is kept", () => {
  test(
    "a folder that a client sent before is brought up to date with the times of its folders",
    async () => {
      const Dockerfile = "FROM busybox\nCOPY src /to\nRUN stat -c '%n %Y' /to/*\n";
      const folder = project(daemon, { Dockerfile, "src/a/f": "1", "src/b/f": "1", "src/b/g": "1" });
      const seen = async (): Promise<string[]> => {
        for (const name of ["a", "b"]) utimesSync(join(folder, "src", name), 1_000_000_000, 1_000_000_000);
        const { stderr } = await buildOk(daemon, folder, [], { client: "session" });
        return [...stderr.matchAll(/ (\/to\/\S+ \d+)$/gm)].map(([, line]) => line as string);
      };
      const times = ["/to/a 1000000000", "/to/b 1000000000"];
      expect(await seen()).toEqual(times);
      writeFileSync(join(folder, "src/a/f"), "2");
      rmSync(join(folder, "src/b/g"));
      expect(await seen()).toEqual(times);
    },
    SECONDS,
  );

  test(
    "a log that grows all the time is taken as far as it was read",
    async () => {
      const Dockerfile = "FROM busybox\nCOPY . /to\nRUN sort -u /to/z.log\n";
      const folder = project(daemon, { Dockerfile, "a.bin": "x".repeat(30_000_000), "z.log": "line\n" });
      const writer = daemon.spawn(["sh", "-c", `while :; do echo line; done >> ${folder}/z.log`]);
      try {
        const built = await buildOk(daemon, folder, [], { client: "session" });
        expect(text(built)).toMatch(/^#\d+ [\d.]+ line$/m);
      } finally {
        writer.kill();
        await writer.exited;
      }
    },
    SECONDS,
  );

  test(
    "contexts that were sent leave no digests; the copies of folders and repositories are listed and pruned",
    async () => {
      const before = readdirSync(data("build/digests")).length;
      const files = { Dockerfile: "FROM busybox\nCOPY . /\n", a: "1", b: "2" };
      for (let n = 0; n < 3; n++) await buildOk(daemon, project(daemon, files), [], { client: "classic" });
      expect(readdirSync(data("build/digests")).length).toBe(before);
      await buildOk(daemon, project(daemon, files), [], { client: "session" });
      const listed = text(await daemon.run(["berth", "buildx", "du", "--verbose"]));
      expect(listed).toContain("source.local");
      expect(readdirSync(data("build/synced")).length).toBeGreaterThan(0);
      await daemon.run(["berth", "builder", "prune", "-af"]);
      expect(readdirSync(data("build/synced"))).toEqual([]);
      expect(readdirSync(data("build/git"))).toEqual([]);
    },
    SECONDS,
  );
});

describe("files that change while they are sent", () => {
  /** Runs `change` while a client has listed its folder, and is sending the first file of it, `a`. */
  async function whileSending(
    command: string[],
    env: Record<string, string>,
    change: () => void,
  ): Promise<void> {
    const client = Bun.spawn(["env", "-C", daemon.scope.directory, ...command], {
      env: daemon.environment(env),
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = Promise.all([new Response(client.stdout).text(), new Response(client.stderr).text()]);
    const fds = `/proc/${client.pid}/fd`;
    await eventually("the client reads the first file", () => {
      if (client.exitCode !== null) throw new Error("the client has ended");
      return readdirSync(fds).some((fd) => {
        try {
          return readlinkSync(join(fds, fd)).endsWith("/a");
        } catch {
          return false;
        }
      });
    });
    client.kill("SIGSTOP");
    change();
    client.kill("SIGCONT");
    if ((await client.exited) !== 0) throw new Error((await output).join(""));
  }

  test(
    "each is what was read of it, and they are sent again by the next build",
    async () => {
      const Dockerfile =
        "FROM busybox\nCOPY . /c\nRUN cd /c; for f in z*; do echo $f $(stat -c '%s %Y' $f) $(cat $f); done > /seen\n";
      const folder = project(daemon, { Dockerfile });
      const write = (name: string, content: string) => {
        writeFileSync(join(folder, name), content);
        utimesSync(join(folder, name), 1000, 1000);
      };
      const names = ["zempty", "zgone", "zlonger", "zother", "zshorter"];
      const before = (name: string) => (name === "zempty" ? "" : "0123456789");
      for (const name of names) write(name, before(name));
      // The small ones are not asked for before the second of these.
      for (const name of ["a", "b"]) writeFileSync(join(folder, name), new Uint8Array(96 << 20));
      const build = ["/usr/bin/docker", "build", "-q", "-t", "changing", folder];
      await whileSending(build, { DOCKER_BUILDKIT: "1" }, () => {
        write("zempty", "now");
        rmSync(join(folder, "zgone"));
        write("zlonger", `0123456789${"more".repeat(100_000)}`);
        write("zother", "all new content");
        write("zshorter", "012");
      });
      const seen = async () => (await daemon.out("run", "--rm", "changing", "cat", "/seen")).split("\n");
      expect(await seen()).toEqual([
        "zempty 3 1000 now",
        "zgone 0 1000",
        `zlonger 400010 1000 0123456789${"more".repeat(100_000)}`,
        "zother 15 1000 all new content",
        "zshorter 3 1000 012",
      ]);
      for (const name of names) write(name, before(name));
      await buildOk(daemon, folder, ["-t", "changing"], { client: "session" });
      expect(await seen()).toEqual(
        names.map((name) => `${name} ${before(name).length} 1000 ${before(name)}`.trim()),
      );
    },
    SECONDS,
  );
});
