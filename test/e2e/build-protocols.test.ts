/** What clients of builds rely on beside the image: stores of their own, the streams' sentences, clients from npm, bake. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Daemon, DOCKER, startDaemon } from "../harness/daemon.ts";
import { BERTH, engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PLUGINS = join(ROOT, ".cache/trixie/root/usr/libexec/docker/cli-plugins");
const CLIENTS = join(ROOT, ".cache/clients/node_modules");
const hasBuildx = existsSync(join(PLUGINS, "docker-buildx"));
const hasClients = existsSync(join(CLIENTS, "dockerode"));
if (!hasBuildx || !hasClients)
  console.error(
    "no buildx or clients from npm in .cache (tools/setup.sh test fetches them): their tests are skipped",
  );
const isBerth = engineOfThisRun() === "berth";

// A deadline of Bun's own would end the daemon with the test.
setDefaultTimeout(120_000);

let daemon: Daemon;
let folder: string;
let plugins: Record<string, string>;

beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox", "debian:bookworm"] });
  folder = join(daemon.scope.directory, "context");
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "src/a"), "a\n");
  writeFileSync(join(folder, "Dockerfile"), "FROM busybox\nRUN date +%N > /made\nCOPY src /src\n");
  const config = join(daemon.scope.directory, "config");
  mkdirSync(config);
  if (hasBuildx) symlinkSync(PLUGINS, join(config, "cli-plugins"));
  plugins = { DOCKER_CONFIG: config };
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const at = (name: string) => join(daemon.scope.directory, name);

function dockerfile(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

/** A program of Node's with clients from npm. */
function node(script: string, env: Record<string, string> = {}) {
  return daemon.run(["node", "-e", script], { cwd: join(CLIENTS, ".."), env, seconds: 60 });
}

describe.if(isBerth)("from inside of a container that has the socket", () => {
  test("builds take the container's files, and results land there, not on the host", async () => {
    const out = `/out-${daemon.scope.block}`;
    const script = [
      "mkdir /project && cd /project",
      "printf 'FROM scratch\\nCOPY f /f\\n' > Dockerfile && echo inside > f",
      "mkdir /config && export DOCKER_CONFIG=/config DOCKER_HOST=unix:///d.sock",
      `/berth build -q -o ${out} . && cat ${out}/f`,
      `/berth build -q -o type=tar,dest=${out}.tar . && tar tf ${out}.tar`,
      "/berth build -q -t inside:1 . > /dev/null",
      "/docker build -q -t inside:2 . > /dev/null 2>&1",
    ].join(" && ");
    const mounts = [
      `${daemon.socket}:/d.sock`,
      `${BERTH}:/berth:ro`,
      `${DOCKER}:/docker:ro`,
      `${at("context")}:/unused:ro`,
    ];
    const ran = await daemon.run(
      [
        "docker",
        "run",
        "--rm",
        ...mounts.flatMap((each) => ["-v", each]),
        "-e",
        "DOCKER_BUILDKIT=0",
        "debian:bookworm",
        "sh",
        "-c",
        script,
      ],
      { seconds: 60 },
    );
    expect(ran).toMatchObject({ exitCode: 0, stdout: "inside\nf\n" });
    expect(existsSync(out) || existsSync(`${out}.tar`)).toBe(false);
    for (const tag of ["inside:1", "inside:2"]) expect(await daemon.out("images", "-q", tag)).not.toBe("");
  });
});

describe("the classic API's sentences", () => {
  const classic = (...words: string[]) =>
    daemon.run(["docker", "build", ...words], { env: { DOCKER_BUILDKIT: "0" }, seconds: 60, cwd: folder });
  const build = async (query: string, file: string) => {
    const tar = await daemon.ok(["tar", "c", file, "src"], { cwd: folder });
    const response = await daemon.api(
      "POST",
      `/build?${query}&dockerfile=${file}`,
      Buffer.from(tar.stdout, "latin1"),
      {
        "Content-Type": "application/x-tar",
      },
    );
    return response.text;
  };

  test("a Dockerfile that is not there", async () => {
    dockerfile("D1", "FROM busybox\n");
    expect(await build("q=1", "D1")).toContain("sha256:");
    const refused = await daemon.api("POST", "/build?dockerfile=nope", Buffer.alloc(1024), {
      "Content-Type": "application/x-tar",
    });
    expect(refused.status).toBe(500);
    expect(refused.json<object>()).toEqual({ message: "Cannot locate specified Dockerfile: nope" });
  });

  test("COPY of nothing, and a target that is none", async () => {
    const file = dockerfile("D2", "FROM busybox\nCOPY nope /x\n");
    const copied = await classic("-f", file, ".");
    expect(copied.stderr).toContain(
      "COPY failed: file not found in build context or excluded by .dockerignore: stat nope: file does not exist",
    );
    const target = await classic("-f", file, "--target", "other", ".");
    expect(target.stderr).toContain("failed to reach build target other in Dockerfile");
  });

  test("containers of steps are said to be removed when they are to be", async () => {
    const file = dockerfile("D3", "FROM busybox\nRUN echo of-d3\n");
    expect((await classic("--no-cache", "-f", file, ".")).stdout).toContain(
      "Removing intermediate container",
    );
    const kept = await classic("--no-cache", "--rm=false", "-f", file, ".");
    expect(kept.stdout).toContain("of-d3");
    expect(kept.stdout).not.toContain("Removing intermediate container");
  });

  test("build arguments that no ARG names are told at the end", async () => {
    const file = dockerfile("D4", "ARG T=1\nFROM busybox AS first\nARG USED\nFROM first\nARG LATER\n");
    const given = ["USED", "T", "HTTP_PROXY", "OTHER", "LATER"].flatMap((name) => [
      "--build-arg",
      `${name}=1`,
    ]);
    const told = (text: string) => /^\[Warning\] .*\nSuccessfully built/m.exec(text)?.[0].split("\n")[0];
    expect(told((await classic(...given, "-f", file, ".")).stdout)).toBe(
      "[Warning] One or more build-args [OTHER] were not consumed",
    );
    expect(told((await classic(...given, "--target", "first", "-f", file, ".")).stdout)).toBe(
      "[Warning] One or more build-args [LATER OTHER] were not consumed",
    );
    const plain = (await classic("-f", file, ".")).stdout;
    expect(plain).not.toContain("not consumed");
    // An ARG before the first stage is a step, without an image.
    expect(plain).toContain("Step 1/5 : ARG T=1\nStep 2/5 : FROM busybox AS first\n ---> ");
  });

  test("every instruction has its step, and the last one's id is the image's", async () => {
    const file = dockerfile(
      "D5",
      "FROM busybox AS one\nARG A=1\nRUN echo of-d5\nFROM one\nCOPY src /src\nLABEL a=b\nCMD x\n",
    );
    const steps = [
      "FROM busybox AS one",
      "ARG A=1",
      "RUN echo of-d5",
      "FROM one",
      "COPY src /src",
      "LABEL a=b",
      "CMD x",
    ];
    const told = steps.map((text, at) => `Step ${at + 1}/7 : ${text}`);
    const first = await classic("-f", file, ".");
    expect([...(first.stdout.match(/^Step .*$/gm) ?? [])]).toEqual(told);
    const again = await classic("-f", file, ".");
    expect([...(again.stdout.match(/^Step .*$/gm) ?? [])]).toEqual(told);
    expect(again.stdout.match(/ ---> Using cache/g)).toHaveLength(5);
    expect(again.stdout).toMatch(/ ---> ([0-9a-f]{12})\nSuccessfully built \1\n/);
  });

  test("instructions that nobody executes are from the cache the second time, also of a new daemon", async () => {
    const cached = async (text: string, ...words: string[]) => {
      const { stdout } = await classic(...words, "-f", dockerfile("D6", text), ".");
      return (stdout.split(/^Step /m).slice(1) ?? []).map((step) => step.includes("Using cache"));
    };
    const file = "FROM busybox\nENV of=d6\nLABEL a=b\nCMD x\n";
    expect(await cached(file)).toEqual([false, false, false, false]);
    expect(await cached(file)).toEqual([false, true, true, true]);
    expect(await cached(file.replace("CMD x", "CMD y"))).toEqual([false, true, true, false]);
    const more = "ARG V=1\nFROM busybox\nARG V\nENV of=d6$V\nRUN echo of-d6\nCMD x\n";
    const none = [false, false, false, false, false, false];
    expect(await cached(more)).toEqual(none);
    expect(await cached(more)).toEqual([false, false, true, true, true, true]);
    expect((await cached(more, "--build-arg", "V=2")).slice(3)).toEqual([false, false, false]);
    expect(await cached(more, "--no-cache")).toEqual(none);
    await daemon.kill("SIGTERM");
    await daemon.start();
    expect(await cached(file)).toEqual([false, true, true, true]);
    if (!isBerth) return;
    await daemon.ok(["docker", "builder", "prune", "-af"]);
    expect(await cached(file)).toEqual([false, false, false, false]);
  });

  test("too little memory", async () => {
    const file = dockerfile("D4", "FROM busybox\nRUN echo of-d4\n");
    const refused = await classic("-m", "4m", "-f", file, ".");
    expect(refused.stdout + refused.stderr).toContain("Minimum memory limit allowed is 6MB");
  });
});

describe.if(hasClients)("from npm", () => {
  const DOCKERODE = `
    const Docker = require("dockerode");
    const docker = new Docker({ socketPath: process.env.DOCKER_HOST.slice(7) });
    const build = async (context, options) => {
      const stream = await docker.buildImage(context, options);
      return new Promise((resolve, reject) =>
        docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all))));
    };
    const fail = (error) => { console.error(error); process.exit(1); };
  `;

  test("dockerode builds, with the classic builder and with BuildKit", async () => {
    const ran = await node(`${DOCKERODE}
      (async () => {
        const context = { context: ${JSON.stringify(folder)}, src: ["Dockerfile", "src"] };
        const classic = await build(context, { t: ["node:1", "node:2"], labels: { a: "b" }, rm: true });
        console.log(classic.at(-1).stream.trim(), classic.some(({ aux }) => aux?.ID?.startsWith("sha256:")));
        const buildkit = await build(context, { t: "node:3", version: "2" });
        console.log(buildkit.at(-1).stream.trim(), buildkit.some(({ id }) => id === "moby.image.id"));
        process.exit(0);
      })().catch(fail);`);
    expect(ran).toMatchObject({
      exitCode: 0,
      stdout: "Successfully tagged node:2:latest true\nSuccessfully tagged node:3:latest true\n".replaceAll(
        ":latest",
        "",
      ),
    });
  });

  test("dockerode ends a build, and what it runs goes", async () => {
    dockerfile("Slow", "FROM busybox\nRUN echo begun && sleep 4242\n");
    const ran = await node(`${DOCKERODE}
      (async () => {
        const abort = new AbortController();
        const context = { context: ${JSON.stringify(folder)}, src: ["Slow"] };
        const stream = await docker.buildImage(context, { dockerfile: "Slow", nocache: true, abortSignal: abort.signal });
        stream.on("data", (data) => String(data).includes("begun\\\\n") && abort.abort());
        stream.on("error", () => process.exit(0));
        stream.on("close", () => process.exit(0));
      })().catch(fail);`);
    expect(ran).toMatchObject({ exitCode: 0 });
    await eventually(
      "the step's process is gone",
      async () => (await daemon.run(["pgrep", "-f", "sleep 4242"])).exitCode === 1,
    );
  });

  test("Testcontainers builds and runs", async () => {
    dockerfile("Tc", "FROM busybox AS one\nARG A=0\nRUN echo arg=$A > /arg\nFROM one\nCOPY src /src\n");
    const ran = await node(
      `const { GenericContainer, Wait } = require("testcontainers");
      (async () => {
        const image = await GenericContainer.fromDockerfile(${JSON.stringify(folder)}, "Tc")
          .withBuildArgs({ A: "7" }).withCache(false).build("tc/made:1", { deleteOnExit: false });
        const container = await image.withCommand(["sh", "-c", "echo ready; sleep 100"])
          .withWaitStrategy(Wait.forLogMessage("ready")).start();
        console.log((await container.exec(["cat", "/arg"])).output.trim());
        await container.stop({ timeout: 0 });
        process.exit(0);
      })().catch((error) => { console.error(error); process.exit(1); });`,
      { TESTCONTAINERS_RYUK_DISABLED: "true", TESTCONTAINERS_HOST_OVERRIDE: "127.0.0.1" },
    );
    expect(ran).toMatchObject({ exitCode: 0, stdout: "arg=7\n" });
  });

  test.if(hasBuildx)("dev containers, whose Dockerfiles name a frontend", async () => {
    const workspace = at("workspace");
    mkdirSync(join(workspace, ".devcontainer"), { recursive: true });
    writeFileSync(
      join(workspace, ".devcontainer/devcontainer.json"),
      JSON.stringify({ build: { dockerfile: "Dockerfile", args: { V: "1" } }, remoteUser: "root" }),
    );
    writeFileSync(
      join(workspace, ".devcontainer/Dockerfile"),
      "# syntax=docker/dockerfile:1.4\nFROM busybox\nARG V\nRUN --mount=type=cache,target=/c echo v=$V > /v\n",
    );
    const words = ["build", "--workspace-folder", workspace, "--image-name", "dev:1"];
    const built = await daemon.run([join(CLIENTS, ".bin/devcontainer"), ...words], {
      env: plugins,
      seconds: 60,
    });
    expect(built).toMatchObject({ exitCode: 0 });
    expect(built.stdout).toContain('"outcome":"success"');
    expect((await daemon.ok(["docker", "run", "--rm", "dev:1", "cat", "/v"])).stdout).toBe("v=1\n");
  });
});

describe.if(isBerth)("berth build refuses before it builds", () => {
  test.each([
    [["-t", "Bad Name"], 125, 'invalid argument "Bad Name" for "-t, --tag" flag: invalid reference format'],
    [["--allow", "everything"], 1, "ERROR: unknown entitlement everything"],
    [
      ["--no-cache", "--no-cache-filter", "a"],
      1,
      "ERROR: --no-cache and --no-cache-filter cannot currently be used together",
    ],
    [["-q", "--progress", "plain"], 1, "ERROR: progress=plain and quiet cannot be used together"],
    [["--push"], 1, "ERROR: tag is needed when pushing to registry"],
    [["--secret", "word"], 1, "ERROR: invalid field 'word' must be a key=value pair"],
  ] as const)("%p", async (words, exitCode, sentence) => {
    const refused = await daemon.berth("build", ...words, folder);
    expect(refused.exitCode).toBe(exitCode);
    expect(refused.stderr).toContain(sentence);
  });

  test("the environment's words count", async () => {
    const quiet = await daemon.run(["berth", "build", folder], {
      env: { BUILDKIT_PROGRESS: "rawjson" },
      seconds: 60,
    });
    expect(JSON.parse(quiet.stderr.split("\n")[0] as string)).toHaveProperty("vertexes");
    const other = await daemon.run(["berth", "build", folder], {
      env: { DOCKER_DEFAULT_PLATFORM: "no/such/place/x" },
    });
    expect(other.stderr).toContain("cannot parse platform specifier");
  });
});

test.if(isBerth)("builds that have run can be looked at, and forgotten", async () => {
  const file = join(folder, dockerfile("Told", "FROM busybox AS told\nARG A=1\nRUN echo of-told-$A\n"));
  await daemon.ok(["berth", "build", "-q", "-f", file, "--target", "told", "--build-arg", "A=2", folder]);
  const failed = await daemon.berth("build", "-q", "-f", file, "--target", "none", folder);
  expect(failed.exitCode).toBe(1);
  const listed = (await daemon.ok(["berth", "buildx", "history", "ls"])).stdout.split("\n");
  expect(listed[0]).toMatch(/^BUILD ID +NAME +STATUS +CREATED AT +DURATION/);
  expect(listed[1]).toMatch(/Told \(none\) +Error /);
  expect(listed[2]).toMatch(/Told \(told\) +Completed /);
  const shown = (await daemon.ok(["berth", "buildx", "history", "inspect", "^1"])).stdout;
  expect(shown).toContain("\nBuild arguments:\n  A=2\n");
  expect(shown).toMatch(/ {2}\d\.\ds {2}\[2\/2\] RUN echo of-told-2\n/);
  await daemon.ok(["berth", "buildx", "history", "rm", (listed[1] as string).split(" ")[0] as string]);
  expect((await daemon.ok(["berth", "buildx", "history", "ls"])).stdout).not.toContain("Told (none)");
  const none = await daemon.berth("buildx", "history", "inspect", "nothing");
  expect(none.stderr).toContain('no record found for "nothing"');
});

describe.if(isBerth)("berth buildx bake", () => {
  test("targets, what they inherit and link to; metadata of each", async () => {
    const project = at("bake");
    mkdirSync(project);
    writeFileSync(
      join(project, "Dockerfile"),
      "FROM busybox AS base\nARG V\nRUN echo v=$V > /v\nFROM base\nRUN echo more >> /v\n",
    );
    writeFileSync(
      join(project, "docker-bake.hcl"),
      `variable "V" { default = "file" }
group "default" { targets = ["app", "tool"] }
target "base" {
  target = "base"
  args = { V = "\${V}-\${upper("x")}" }
}
target "app" {
  inherits = ["base"]
  target = ""
  tags = ["bake/app:1"]
}
target "tool" {
  contexts = { made = "target:base" }
  dockerfile-inline = <<EOT
FROM made
RUN echo tool >> /v
EOT
  tags = ["bake/tool:1"]
}
`,
    );
    const meta = at("bake.json");
    const made = await daemon.run(
      ["berth", "buildx", "bake", "--metadata-file", meta, "--progress", "plain"],
      {
        cwd: project,
        env: { V: "env" },
        seconds: 60,
      },
    );
    expect(made).toMatchObject({ exitCode: 0 });
    expect(made.stderr).toMatch(/#\d+ \[tool 1\/1\] RUN echo tool/);
    const read = async (image: string) =>
      (await daemon.ok(["docker", "run", "--rm", image, "cat", "/v"])).stdout;
    expect(await read("bake/app:1")).toBe("v=env-X\nmore\n");
    expect(await read("bake/tool:1")).toBe("v=env-X\ntool\n");
    expect(Object.keys(JSON.parse(readFileSync(meta, "utf8"))).sort()).toEqual(["app", "base", "tool"]);
    const failed = await daemon.run(
      ["berth", "bake", "--set", "tool.contexts.made=docker-image://busybox", "--set", "app.target=nope"],
      { cwd: project, seconds: 60 },
    );
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain(
      'ERROR: target app: failed to solve: target stage "nope" could not be found',
    );
  });
});
