/** What builds answer to bad input: the place in the Dockerfile, a hint, and nothing left behind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { build, type Files, project } from "../harness/project.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon?.stop(), 60_000);

/** Debian's dockerd proves the tests; its BuildKit has other words for some, and knows no newer syntax. */
const isBerth = engineOfThisRun() === "berth";
const onBerth = test.skipIf(!isBerth);

async function failure(files: Files, args: readonly string[] = []): Promise<string> {
  const folder = project(daemon, files);
  const result = await build(daemon, folder, ["-t", "never", ...args]);
  expect(result.exitCode).not.toBe(0);
  expect((await daemon.run(["docker", "image", "inspect", "never"])).exitCode).toBe(1);
  return result.stdout + result.stderr;
}

onBerth("a name that no image can have is told before anything is built", async () => {
  const output = await failure({ Dockerfile: "FROM busybox\nRUN true\n" }, ["-o", "type=image,name=Bad"]);
  expect(output).toContain("invalid reference format: repository name (library/Bad) must be lowercase");
  expect(output).not.toContain("RUN");
});

describe("the Dockerfile", () => {
  onBerth("an unknown instruction: line, excerpt, suggestion", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nRUN true\nRUNN true\n" });
    expect(output).toContain(
      "dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)",
    );
    expect(output).toContain("   3 | >>> RUNN true");
  });
  test("an unknown instruction", async () => {
    expect(await failure({ Dockerfile: "FROM busybox\nRUNN true\n" })).toContain("unknown instruction: RUNN");
  });
  onBerth("an unknown flag", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nCOPY --form=x a b\n" });
    expect(output).toContain("unknown flag: --form (did you mean from?)");
  });
  test("no such file", async () => {
    const output = await failure({ x: "" });
    expect(output).toContain("failed to read dockerfile: open");
  });
  onBerth("a folder, or in a folder that is not there", async () => {
    expect(await failure({ "Dockerfile/x": "" })).toMatch(/open \S*\/Dockerfile: is a directory/);
    const Dockerfile = "FROM busybox\n";
    expect(await failure({ Dockerfile }, ["-f", "/none/x"])).toContain(
      "open /none/x: no such file or directory",
    );
  });
  test("empty", async () => {
    const output = await failure({ Dockerfile: "" });
    expect(output).toMatch(/the Dockerfile .*cannot be empty|file with no instructions/);
  });
  test("an unknown target", async () => {
    const output = await failure({ Dockerfile: "FROM busybox AS build\n" }, ["--target", "biuld"]);
    expect(output).toContain("could not be found");
    if (isBerth) expect(output).toContain('target stage "biuld" could not be found (did you mean build?)');
  });
  test("an unknown stage is an image that is not there", async () => {
    const output = await failure({
      Dockerfile: "FROM busybox AS build\nFROM busybox\nCOPY --from=biuld /x /\n",
    });
    expect(output).toContain("biuld");
    if (isBerth) expect(output).toContain("did you mean build?");
  });
  test("a variable that must be set", async () => {
    // Plain shells have the operator; BuildKit 0.8 too.
    expect(await failure({ Dockerfile: 'FROM busybox\nARG V\nENV X="${V:?say which}"\n' })).toContain(
      "say which",
    );
  });
});

describe("files", () => {
  test("missing in the context", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nCOPY missing /\n" });
    expect(output).toMatch(/missing"?:? not found/);
  });
  test("a wildcard that matches nothing beside a file that is missing", async () => {
    expect(await failure({ Dockerfile: "FROM busybox\nCOPY *.none gone /\n" })).toMatch(/gone"?:? not found/);
  });
  test("kept away by .dockerignore", async () => {
    const output = await failure({
      Dockerfile: "FROM busybox\nCOPY secret /\n",
      ".dockerignore": "secret",
      secret: "x",
    });
    expect(output).toMatch(/secret"?:? not found|excluded by .dockerignore/);
  });
  onBerth("a bad pattern in .dockerignore", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nCOPY . /\n", ".dockerignore": "a\n[\n" });
    expect(output).toContain('syntax error in pattern: "["');
  });
  test("nothing outside of the context, neither by .. nor by a link", async () => {
    const outside = join(daemon.scope.directory, "outside");
    writeFileSync(outside, "private");
    expect(await failure({ Dockerfile: "FROM busybox\nCOPY ../outside /\n" })).toMatch(
      /outside"?:? not found/,
    );
    expect(await failure({ Dockerfile: "FROM busybox\nCOPY link /\n", link: `-> ${outside}` })).toMatch(
      /not found|no such file|forbidden/,
    );
    expect(await failure({ Dockerfile: "FROM busybox\nCOPY up/outside /\n", up: "-> .." })).toMatch(
      /not found|no such file|forbidden/,
    );
  });
});

describe("a step", () => {
  onBerth("that makes one layer more than an image can have", async () => {
    const steps = Array.from({ length: 127 }, (_, n) => `COPY x /x${n}\n`).join("");
    const ok = project(daemon, {
      Dockerfile: `FROM busybox\n${steps.slice(0, -1).replace(/\n.*$/, "\n")}`,
      x: "",
    });
    expect((await build(daemon, ok)).exitCode).toBe(0);
    const output = await failure({ Dockerfile: `FROM busybox\n${steps}`, x: "" });
    expect(output).toContain("max depth exceeded");
    expect(output).toContain("An image has at most 127 layers");
    expect(output).toContain(">>> COPY x /x126");
  });
  test("that fails: its output, its exit status, its line", async () => {
    const output = await failure({
      Dockerfile: "FROM busybox\nRUN echo before\nRUN echo why it failed; exit 37\n",
    });
    expect(output).toContain("why it failed");
    expect(output).toMatch(/did not complete successfully: exit code: 37|exit code: 37/);
    if (isBerth) expect(output).toContain("   3 | >>> RUN echo why it failed; exit 37");
  });
  test("whose program is not there", async () => {
    const output = await failure({ Dockerfile: 'FROM busybox\nRUN ["/no/such/program"]\n' });
    expect(output).toMatch(/no such file|not found/);
  });
  test("with a NUL byte, behind which nothing would be executed", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nRUN echo a\0 && false\n" });
    expect(output).toMatch(/NUL byte|invalid argument/);
  });
  test("with a user who is not there", async () => {
    const output = await failure({ Dockerfile: "FROM busybox\nUSER nobodyhere\nRUN true\n" });
    expect(output).toMatch(/unable to find user nobodyhere/);
  });
  test("that hangs is ended by Ctrl-C, with all that it started", async () => {
    const folder = project(daemon, {
      Dockerfile: "FROM busybox\nRUN echo $PPID started; sleep 98761 & sleep 98762\n",
    });
    const client = daemon.engine === "berth" ? ["berth", "build", "--progress=plain"] : ["docker20", "build"];
    const child = Bun.spawn([...(await commandOf(client)), "-t", "never", folder], {
      env: daemon.environment({ DOCKER_BUILDKIT: "1" }),
      stdout: "ignore",
      stderr: "pipe",
      stdin: "ignore",
    });
    const sleeping = async () =>
      (await Bun.$`pgrep -f ${"^sleep 9876[12]$"}`.nothrow().quiet()).stdout
        .toString()
        .trim()
        .split("\n")
        .filter((line) => line !== "").length;
    await eventually("the step runs", async () => (await sleeping()) === 2, 60);
    child.kill("SIGINT");
    expect(await child.exited).not.toBe(0);
    await eventually("nothing of the step is left", async () => (await sleeping()) === 0, 30);
    expect((await daemon.run(["docker", "image", "inspect", "never"])).exitCode).toBe(1);
  }, 120_000);
});

/** The program behind a name that `Daemon.run` knows. */
async function commandOf(argv: readonly string[]): Promise<string[]> {
  const { BERTH } = await import("../harness/engine.ts");
  const { DOCKER_20 } = await import("../harness/daemon.ts");
  const [name, ...rest] = argv;
  return [name === "berth" ? BERTH : DOCKER_20, ...rest];
}
