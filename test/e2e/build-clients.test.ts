/** Building with every client: Docker's command lines old and new, buildx, Compose, docker-py, and Berth's own. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import type { NativeBuildRequest } from "@berth/api/build";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";

const PLUGINS = resolve(import.meta.dir, "../../.cache/trixie/root/usr/libexec/docker/cli-plugins");
const hasBuildx = existsSync(join(PLUGINS, "docker-buildx"));
const hasCompose = existsSync(join(PLUGINS, "docker-compose"));
if (!hasBuildx || !hasCompose) {
  console.error(
    "no buildx or Compose 2 in .cache/trixie (tools/setup.sh fetches them): their tests are skipped",
  );
}
const isBerth = engineOfThisRun() === "berth";

const DOCKERFILE = `FROM busybox AS base
ARG WHO=world
RUN echo "hello $WHO" > /hello; echo said-out; echo said-err >&2
FROM base
COPY src /src
COPY --from=base /hello /copied
LABEL from=dockerfile
CMD ["cat", "/hello", "/src/deep/a.txt"]
`;

// A deadline of Bun's own would end the daemon with the test.
setDefaultTimeout(120_000);

let daemon: Daemon;
let folder: string;
let plugins: Record<string, string>;

beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  folder = mkdtempSync(join(daemon.scope.directory, "context-"));
  mkdirSync(join(folder, "src/deep"), { recursive: true });
  writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
  writeFileSync(join(folder, "src/deep/a.txt"), "deep\n");
  writeFileSync(join(folder, "src/left.out"), "not this\n");
  writeFileSync(join(folder, ".dockerignore"), "**/*.out\n");
  writeFileSync(join(folder, "token"), "s3cret");
  const config = join(daemon.scope.directory, "config");
  mkdirSync(config);
  if (hasBuildx) symlinkSync(PLUGINS, join(config, "cli-plugins"));
  plugins = { DOCKER_CONFIG: config };
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await daemon.stop();
}, 60_000);

interface Way {
  name: string;
  words: string[];
  env?: () => Record<string, string>;
  present?: boolean;
  /** Secrets can be given. */
  sessions?: boolean;
}

const ways: Way[] = [
  { name: "classic", words: ["docker", "build"], env: () => ({ DOCKER_BUILDKIT: "0" }) },
  { name: "classic20", words: ["docker20", "build"], env: () => ({ DOCKER_BUILDKIT: "0" }) },
  { name: "buildkit20", words: ["docker20", "build"], env: () => ({ DOCKER_BUILDKIT: "1" }), sessions: true },
  {
    name: "buildx",
    words: ["docker", "buildx", "build"],
    env: () => plugins,
    present: hasBuildx,
    sessions: true,
  },
  { name: "berth", words: ["berth", "build"], present: isBerth, sessions: true },
];

for (const { name, words, env = () => ({}), present = true, sessions = false } of ways) {
  describe.if(present)(name, () => {
    const build = (more: string[], options: { stdin?: string; cwd?: string } = {}) =>
      daemon.run([...words, ...more], { env: env(), seconds: 60, ...options });

    test("builds, tags, runs; nothing that is ignored comes along; again from the cache", async () => {
      const tag = `made/${name}:1`;
      const first = await build([
        "-t",
        tag,
        "-t",
        `${tag}b`,
        "--build-arg",
        `WHO=${name}`,
        "--label",
        "more=x",
        folder,
      ]);
      expect(first).toMatchObject({ exitCode: 0 });
      expect(first.stdout + first.stderr).toContain("said-out");
      expect((await daemon.ok(["docker", "run", "--rm", tag])).stdout).toBe(`hello ${name}\ndeep\n`);
      expect((await daemon.ok(["docker", "run", "--rm", tag, "ls", "/src"])).stdout).toBe("deep\n");
      const labels = JSON.parse(await daemon.out("inspect", "-f", "{{json .Config.Labels}}", tag));
      expect(labels).toMatchObject({ from: "dockerfile", more: "x" });
      const id = await daemon.out("inspect", "-f", "{{.Id}}", tag);
      expect(await daemon.out("inspect", "-f", "{{.Id}}", `${tag}b`)).toBe(id);
      const again = await build(["-q", "-t", tag, "--build-arg", `WHO=${name}`, "--label", "more=x", folder]);
      expect(again.exitCode).toBe(0);
      expect(again.stdout.trim()).toBe(id);
    });

    test("a step that fails: exit status, its output, its code", async () => {
      writeFileSync(join(folder, "Failing"), "FROM busybox\nRUN echo before; exit 7\n");
      const failed = await build(["-f", join(folder, "Failing"), folder]);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stdout + failed.stderr).toContain("before");
      expect(failed.stderr).toMatch(/exit code: 7|non-zero code: 7/);
    });

    test("steps that a base brings along are told by what they do", async () => {
      const text = "FROM busybox AS base\nONBUILD RUN echo from-base\nFROM base\nRUN true\n";
      writeFileSync(join(folder, "Triggers"), text);
      const built = await build(["-f", join(folder, "Triggers"), "--no-cache", folder]);
      expect(built.exitCode).toBe(0);
      // Docker's classic builder counts them only.
      expect(built.stdout + built.stderr).toMatch(/ONBUILD RUN echo from-base|Executing 1 build trigger/);
    });

    test("a mistake in the Dockerfile", async () => {
      writeFileSync(join(folder, "Wrong"), "FROM busybox\nRUNN true\n");
      const failed = await build(["-f", join(folder, "Wrong"), folder]);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stderr.toLowerCase()).toContain("unknown instruction: runn");
    });

    test("a Dockerfile from stdin, no context", async () => {
      const built = await build(["-q", "-"], { stdin: `FROM busybox\nRUN echo ${name} > /stdin\n` });
      expect(built).toMatchObject({ exitCode: 0 });
      const id = built.stdout.trim();
      expect((await daemon.ok(["docker", "run", "--rm", id, "cat", "/stdin"])).stdout).toBe(`${name}\n`);
    });

    test("target, no cache", async () => {
      const built = await build(["-q", "--no-cache", "--target", "base", folder]);
      expect(built).toMatchObject({ exitCode: 0 });
      const missing = await daemon.run(["docker", "run", "--rm", built.stdout.trim(), "ls", "/src"]);
      expect(missing.exitCode).toBe(1);
    });

    test.if(sessions)("secrets reach the step and no layer", async () => {
      writeFileSync(
        join(folder, "Secret"),
        `FROM busybox\nRUN --mount=type=secret,id=tok wc -c < /run/secrets/tok > /size; echo ${name}\n`,
      );
      const built = await build([
        "-q",
        "-f",
        join(folder, "Secret"),
        "--secret",
        `id=tok,src=${join(folder, "token")}`,
        folder,
      ]);
      expect(built).toMatchObject({ exitCode: 0 });
      const seen = await daemon
        .ok(["docker", "run", "--rm", built.stdout.trim(), "sh", "-c", "cat /size; cat /run/secrets/tok"], {})
        .catch((error) => error);
      expect(String(seen.stdout ?? seen.message)).toContain("6");
      expect(String(seen.stdout ?? "")).not.toContain("s3cret");
    });

    test.if(sessions)("results into a folder and a tar", async () => {
      writeFileSync(join(folder, "Out"), "FROM scratch\nCOPY src /src\n");
      const out = join(daemon.scope.directory, `out-${name}`);
      const local = await build(["-f", join(folder, "Out"), "-o", out, folder]);
      expect(local).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(out, "src/deep/a.txt"), "utf8")).toBe("deep\n");
      const tar = await build(["-f", join(folder, "Out"), "-o", `type=tar,dest=${out}.tar`, folder]);
      expect(tar).toMatchObject({ exitCode: 0 });
      const names = (await daemon.ok(["tar", "tf", `${out}.tar`])).stdout;
      expect(names).toContain("src/deep/a.txt");
      expect(names).not.toContain("left.out");
    });
  });
}

describe.if(isBerth)("berth build", () => {
  test("the daemon looks at the folder in the client's place", async () => {
    const asked: NativeBuildRequest[] = [];
    const refuse = join(folder, "refuse.out");
    const unix = join(daemon.scope.directory, "fake.sock");
    await using _ = Bun.serve({
      unix,
      async fetch(request) {
        asked.push((await request.json()) as NativeBuildRequest);
        if (existsSync(refuse) && asked.at(-1)?.client !== undefined)
          return Response.json({ message: "… the same one for client and daemon" }, { status: 400 });
        return new Response(
          `${JSON.stringify({ type: "result", result: { ref: "r", imageId: "sha256:1" } })}\n`,
        );
      },
    });
    const words = ["berth", "-H", `unix://${unix}`, "build", "-q", folder];
    expect(await daemon.ok(words)).toMatchObject({ stdout: "sha256:1\n" });
    const unseen = {
      folders: { context: { path: folder }, dockerfile: { path: folder } },
      client: { pid: expect.any(Number), arguments: words.slice(1) },
    };
    expect(asked).toEqual([expect.objectContaining(unseen)]);
    writeFileSync(refuse, "");
    expect(await daemon.ok(words)).toMatchObject({ stdout: "sha256:1\n" });
    const { dev, ino } = statSync(folder, { bigint: true });
    const seen = { path: folder, device: String(dev), inode: String(ino) };
    expect(asked.slice(1)).toEqual([
      expect.objectContaining(unseen),
      expect.objectContaining({ folders: { context: seen, dockerfile: seen } }),
    ]);
    expect(asked[2]).not.toHaveProperty("client");
    // Only complaints may come of these before the daemon is asked.
    await daemon.ok([...words, "--ssh", "default=/dev/null"]).catch(() => {});
    expect(asked.slice(3).filter(({ client }) => client !== undefined)).toEqual([]);
  });

  test("what is wrong with the folder is told as the client sees it", async () => {
    const failure = async (words: string[], ...globals: string[]) =>
      (await daemon.run(["berth", ...globals, "build", "-q", ...words])).stderr;
    const none = join(folder, "none");
    expect(await failure([none])).toContain(`unable to prepare context: path "${none}" not found`);
    expect(await failure([none], "-H", "unix:///none")).toContain("unable to prepare context");
    const file = join(folder, "token");
    expect(await failure([file])).toContain(`unable to prepare context: ${file} is not a directory`);
    const outside = join(daemon.scope.directory, "none");
    expect(await failure(["-f", outside, folder])).toContain(`open ${outside}: no such file or directory`);
  });

  test("a small dockerfile is found where there is no other", async () => {
    const small = mkdtempSync(join(daemon.scope.directory, "small-"));
    writeFileSync(join(small, "dockerfile"), "FROM scratch\nCOPY dockerfile /\n");
    expect((await daemon.ok(["berth", "build", "-q", small])).stdout).toStartWith("sha256:");
  });

  test("a client that sees another folder under the same name builds from its own", async () => {
    const shadow = mkdtempSync(join(daemon.scope.directory, "shadow-"));
    const own = mkdtempSync(join(daemon.scope.directory, "own-"));
    for (const [at, name] of [
      [shadow, "daemon"],
      [own, "client"],
    ] as const)
      writeFileSync(join(at, "Dockerfile"), `FROM busybox\nLABEL sees=${name}\n`);
    const script = 'mount --bind "$0" "$1"; exec "$2" build -q "$1"';
    const built = await daemon.ok(["unshare", "--mount", "sh", "-ec", script, own, shadow, BERTH]);
    const format = '{{index .Config.Labels "sees"}}';
    const { stdout } = await daemon.ok(["berth", "image", "inspect", "-f", format, built.stdout.trim()]);
    expect(stdout.trim()).toBe("client");
  });

  test("plain progress, metadata, iidfile, explain", async () => {
    const [meta, iid] = [join(folder, "meta.out"), join(folder, "iid.out")];
    const words = [
      "berth",
      "build",
      "--progress",
      "plain",
      "--explain",
      "--metadata-file",
      meta,
      "--iidfile",
      iid,
    ];
    const built = await daemon.ok([...words, "--build-arg", "WHO=explained", folder]);
    expect(built.stderr).toMatch(/#\d+ \[base 2\/2\] RUN echo "hello explained"/);
    expect(built.stderr).toMatch(/#\d+ DONE \d+\.\ds/);
    expect(built.stdout).toContain("[base 2/2] RUN");
    const id = readFileSync(iid, "utf8");
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(JSON.parse(readFileSync(meta, "utf8"))["containerimage.config.digest"]).toBe(id);
  });

  test("a failure shows the lines of the Dockerfile", async () => {
    const failed = await daemon.run(["berth", "build", "-f", join(folder, "Failing"), folder]);
    expect(failed.stderr).toContain("Failing:2\n--------------------\n");
    expect(failed.stderr).toContain("   2 | >>> RUN echo before; exit 7");
    expect(failed.stderr.trimEnd()).toEndWith(
      'ERROR: failed to solve: process "/bin/sh -c echo before; exit 7" did not complete successfully: exit code: 7',
    );
  });

  test("Ctrl-C ends the build and what it runs", async () => {
    writeFileSync(join(folder, "Long"), "FROM busybox\nRUN echo begun; sleep 1000\n");
    const process = daemon.spawn([
      "berth",
      "build",
      "--progress",
      "plain",
      "-f",
      join(folder, "Long"),
      folder,
    ]);
    let text = "";
    for await (const chunk of process.stderr) {
      text += new TextDecoder().decode(chunk);
      if (/\d begun/.test(text)) process.kill("SIGINT");
    }
    expect(await process.exited).not.toBe(0);
    expect(text).toContain("begun");
  });
});

describe("compose", () => {
  const project = () => {
    const path = join(folder, "compose.yaml");
    writeFileSync(
      path,
      "services:\n  app:\n    image: made/compose\n    build:\n      context: .\n      args: {WHO: compose}\n      labels: {a: b}\n",
    );
    return path;
  };

  test.if(hasCompose)("2.26 builds over BuildKit", async () => {
    const built = await daemon.run(["docker", "compose", "-f", project(), "build"], {
      env: plugins,
      seconds: 60,
    });
    expect(built).toMatchObject({ exitCode: 0 });
    expect((await daemon.ok(["docker", "run", "--rm", "made/compose"])).stdout).toBe("hello compose\ndeep\n");
  });

  test.if(existsSync("/usr/bin/docker-compose"))("1.29 builds over the classic API", async () => {
    writeFileSync(
      join(folder, "old.yaml"),
      'version: "3"\nservices:\n  app:\n    image: made/old\n    build:\n      context: .\n      args: {WHO: old}\n',
    );
    const built = await daemon.run(["/usr/bin/docker-compose", "-f", join(folder, "old.yaml"), "build"], {
      seconds: 60,
    });
    expect(built).toMatchObject({ exitCode: 0 });
    expect((await daemon.ok(["docker", "run", "--rm", "made/old"])).stdout).toBe("hello old\ndeep\n");
  });
});

test("docker-py builds", async () => {
  const script = `
import docker, sys
client = docker.from_env()
image, logs = client.images.build(path=sys.argv[1], tag="made/py", buildargs={"WHO": "py"}, rm=True, extra_hosts={"a": "10.0.0.1"}, shmsize=1 << 20)
print(image.tags, any("Successfully built" in line.get("stream", "") for line in logs))
try:
    client.images.build(path=sys.argv[1], dockerfile="Failing")
except docker.errors.BuildError as error:
    print(error.msg)
`;
  const ran = await daemon.ok(["python3", "-c", script, folder], { seconds: 60 });
  expect(ran.stdout).toBe(
    "['made/py:latest'] True\nThe command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7\n",
  );
});
