import { describe, expect, test } from "bun:test";
import { rangesOf } from "../parse/error.ts";
import { buildGraph } from "./build.ts";
import { AMD64, ARM64, DIGEST, setup } from "./fake-images.ts";
import type { CopyNode, GraphNode, MkdirNode, RunNode } from "./operation.ts";
import type { GraphOptions } from "./options.ts";

const build = (text: string, more: Partial<GraphOptions> = {}) => buildGraph(text, setup(more).options);
const names = (nodes: readonly GraphNode[]) => nodes.map((node) => node.name.replace(/@sha256:a+$/, ""));
const only = async <T extends GraphNode["type"]>(text: string, type: T, more: Partial<GraphOptions> = {}) => {
  const graph = await build(text, more);
  const found = graph.nodes.filter((node) => node.type === type);
  return found.at(-1) as Extract<GraphNode, { type: T }>;
};
const failure = async (text: string, more: Partial<GraphOptions> = {}) => {
  try {
    await build(text, more);
  } catch (error) {
    return { message: (error as Error).message, lines: rangesOf(error).map((range) => range.start) };
  }
  throw new Error("no failure");
};

describe("stages", () => {
  const file = `ARG BASE=base
FROM $BASE AS build
RUN a
FROM other:1 AS unused
RUN b
FROM scratch
COPY --from=build /x /
COPY --from=0 /y /
COPY --from=tools /z /
`;
  test("only what the target needs", async () => {
    const { options, looked } = setup();
    const graph = await buildGraph(file, options);
    expect(looked.sort()).toEqual(["docker.io/library/base:latest", "docker.io/library/tools:latest"]);
    expect(names(graph.nodes)).toEqual([
      "[build 1/2] FROM docker.io/library/base:latest",
      "[build 2/2] RUN a",
      "[internal] scratch",
      "[stage-2 1/3] COPY --from=build /x /",
      "[stage-2 2/3] COPY --from=0 /y /",
      "FROM docker.io/library/tools:latest",
      "[stage-2 3/3] COPY --from=tools /z /",
    ]);
    expect(graph.target).toBe(6);
    expect(graph.image.history.map((each) => each.created_by)).toEqual([
      "COPY /x / # buildkit",
      "COPY /y / # buildkit",
      "COPY /z / # buildkit",
    ]);
  });
  test("--target by name and number, with a suggestion", async () => {
    expect(names((await build(file, { target: "Unused" })).nodes)).toHaveLength(2);
    expect(names((await build(file, { target: "1" })).nodes)).toHaveLength(2);
    expect((await failure(file, { target: "biuld" })).message).toBe(
      'target stage "biuld" could not be found (did you mean build?)',
    );
  });
  test("a stage on a stage has its configuration, not its ONBUILD, which it runs", async () => {
    const graph = await build("FROM base AS a\nENV A=1\nARG B=2\nONBUILD RUN t\nFROM a\nRUN u\n");
    const run = graph.nodes.at(-1) as RunNode;
    expect(run.env).toEqual(["PATH=/bin", "FROM_BASE=1", "A=1", "B=2"]);
    expect(names(graph.nodes).slice(1)).toEqual(["[stage-1 1/2] ONBUILD RUN t", "[stage-1 2/2] RUN u"]);
    expect(graph.image.config.OnBuild ?? []).toEqual([]);
    expect(graph.image.history.map((each) => each.created_by)).toEqual([
      "first",
      "ENV A=1",
      "ARG B=2",
      "RUN |1 B=2 /bin/sh -c t # buildkit",
      "RUN |1 B=2 /bin/sh -c u # buildkit",
    ]);
    expect(graph.image.inheritedHistory).toBe(1);
  });
  test("ONBUILD of an image, which needs another image", async () => {
    const { options, looked } = setup();
    const graph = await buildGraph("FROM trigger\nRUN x $X\n", options);
    expect(looked).toContain("docker.io/library/tools:latest");
    expect(names(graph.nodes).filter((name) => name.includes("ONBUILD"))).toEqual([
      "[2/4] ONBUILD COPY --from=tools /t /t",
      "[3/4] ONBUILD RUN setup",
    ]);
  });
  test("--no-cache-filter", async () => {
    const graph = await build(file, { noCacheFilter: ["build"] });
    expect(graph.nodes.filter((node) => node.ignoreCache).map((node) => node.name)).toEqual([
      "[build 2/2] RUN a",
    ]);
  });
  test("refused", async () => {
    expect(await failure("FROM a AS a\nCOPY --from=a x y")).toEqual({
      message: "circular dependency detected on stage: a",
      lines: [2],
    });
    expect(
      (await failure("FROM base\nCOPY --from=later /x /\nFROM base AS later", { target: "0" })).message,
    ).toBe('cannot copy from stage "later", it needs to be defined before current stage "stage-0"');
    expect((await failure("FROM base\nCOPY --from=7 /x /")).message).toBe("invalid stage index 7");
    expect((await failure("FROM base\nCOPY --from=$x /x /")).message).toStartWith(
      "variable expansion is not supported for --from",
    );
    expect(await failure("FROM base AS build\nFROM scratch\nCOPY --from=biuld /x /")).toEqual({
      message: "biuld: docker.io/library/biuld:latest: not found (did you mean build?)",
      lines: [3],
    });
    expect((await failure("FROM $NONE")).message).toBe("base name ($NONE) should not be blank");
    expect((await failure("FROM Base")).message).toBe(
      'failed to parse stage name "Base": invalid reference format: repository name (library/Base) must be lowercase',
    );
  });
});

describe("arguments and variables", () => {
  test("global ARGs are seen in FROM, and in a stage that asks", async () => {
    const run = await only(
      "ARG T=1\nARG U=$T.2\nFROM other:$T\nARG U\nARG V=${U}x\nARG W\nARG X=1\nENV E=$V-$T\nRUN x",
      "run",
      { buildArgs: { X: "given", UNUSED: "y" } },
    );
    expect(run.env.slice(1)).toEqual(["U=1.2", "V=1.2x", "X=given", "E=1.2x-"]);
  });
  test("the platforms", async () => {
    const graph = await build(
      "FROM --platform=$BUILDPLATFORM base\nARG TARGETARCH\nARG TARGETPLATFORM\nRUN x",
      {
        platform: ARM64,
        platformIsDefault: false,
        multiPlatform: true,
      },
    );
    const run = graph.nodes.at(-1) as RunNode;
    expect(run.platform).toEqual(AMD64);
    expect(run.env).toContain("TARGETARCH=arm64");
    expect(run.name).toBe("[linux/amd64->arm64 2/2] RUN x");
    expect(graph.image.platform).toEqual(ARM64);
  });
  test("proxies are outside history and environment", async () => {
    const graph = await build("FROM base\nRUN x", { buildArgs: { http_proxy: "http://p" } });
    const run = graph.nodes.at(-1) as RunNode;
    expect(run.proxyEnv).toEqual(["HTTP_PROXY=http://p", "http_proxy=http://p"]);
    expect(run.env).toEqual(["PATH=/bin", "FROM_BASE=1"]);
    expect(graph.image.history.at(-1)!.created_by).toBe("RUN /bin/sh -c x # buildkit");
  });
  test("__proto__ is a name like any other", async () => {
    const graph = await build(
      "FROM base\nARG __proto__=1\nARG toString\nLABEL __proto__=x\nRUN $__proto__",
      {},
    );
    expect((graph.nodes.at(-1) as RunNode).env).toContain("__proto__=1");
    expect(Object.keys(graph.image.config.Labels!)).toContain("__proto__");
  });
  test("SOURCE_DATE_EPOCH", async () => {
    expect((await build("FROM base", { buildArgs: { SOURCE_DATE_EPOCH: "12" } })).sourceDateEpoch).toBe(12);
    expect((await failure("FROM base", { buildArgs: { SOURCE_DATE_EPOCH: "x" } })).message).toContain(
      "invalid",
    );
  });
});

test("configuration and history", async () => {
  const { image } = await build(`FROM base
MAINTAINER me <m@x>
LABEL a=1 "b c"='d e'
EXPOSE 80 90-91/udp
VOLUME ["/v w"]
STOPSIGNAL SIGUSR1
SHELL ["/bin/bash", "-c"]
USER u:g
WORKDIR x
CMD a b
ENTRYPOINT ["e"]
CMD ["c", "d"]
HEALTHCHECK --interval=90s --retries=2 CMD ["h"]
ONBUILD RUN later
`);
  expect(image.author).toBe("me <m@x>");
  expect(image.config).toEqual({
    Env: ["PATH=/bin", "FROM_BASE=1"],
    User: "u:g",
    WorkingDir: "/home/x",
    Labels: { l: "1", a: "1", "b c": "d e" },
    ExposedPorts: { "80/tcp": {}, "90/udp": {}, "91/udp": {} },
    Volumes: { "/v w": {} },
    StopSignal: "SIGUSR1",
    Shell: ["/bin/bash", "-c"],
    Cmd: ["c", "d"],
    ArgsEscaped: true,
    Entrypoint: ["e"],
    Healthcheck: { Test: ["CMD", "h"], Interval: 90e9, Retries: 2 },
    OnBuild: ["RUN later"],
  });
  expect(image.history.map((each) => `${each.empty_layer ? "-" : "+"}${each.created_by}`)).toEqual([
    "+first",
    "-MAINTAINER me <m@x>",
    "-LABEL a=1 b c=d e",
    "-EXPOSE [80/tcp 90/udp 91/udp]",
    "-VOLUME [/v w]",
    "-STOPSIGNAL SIGUSR1",
    "-SHELL [/bin/bash -c]",
    "-USER u:g",
    "+WORKDIR /home/x",
    '-CMD ["/bin/bash" "-c" "a b"]',
    '-ENTRYPOINT ["e"]',
    '-CMD ["c" "d"]',
    "-HEALTHCHECK {Test:[CMD h] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}",
  ]);
});

test("ENTRYPOINT forgets the CMD of the base", async () => {
  const text = "FROM base AS a\nCMD x\nFROM a\n";
  expect((await build(`${text}ENTRYPOINT ["e"]`)).image.config.Cmd).toBeNull();
  expect((await build(`${text}CMD y\nENTRYPOINT ["e"]`)).image.config.Cmd).toEqual(["/bin/sh", "-c", "y"]);
});

describe("RUN", () => {
  const run = (text: string) => only(`FROM base\n${text}`, "run");
  test("forms", async () => {
    expect((await run('RUN ["a", "$b"]')).argv).toEqual(["a", "$b"]);
    expect((await run("RUN a \\\n  b")).argv).toEqual(["/bin/sh", "-c", "a   b"]);
    expect((await run("RUN <<EOF\na $b\nEOF")).argv).toEqual(["/bin/sh", "-c", "a $b\n"]);
    expect((await run("RUN <<-EOF\n\t\ta\n\tEOF")).argv).toEqual(["/bin/sh", "-c", "a\n"]);
    expect((await run("RUN cat <<A <<B\n1\nA\n2\nB")).argv).toEqual([
      "/bin/sh",
      "-c",
      "cat <<A <<B\n1\nA\n2\nB",
    ]);
    const script = await run("RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF");
    expect(script.argv).toEqual(["/bin/sh", "-c", "/dev/pipes/EOF"]);
    expect(script.scripts).toEqual([
      { path: "/dev/pipes/EOF", content: "#!/usr/bin/env python3\nprint(1)\n" },
    ]);
    expect(script.name).toBe("[2/2] RUN <<EOF (#!/usr/bin/env python3...)");
  });
  test("mounts", async () => {
    const node = await run(
      "ARG D=cache\nRUN --mount=type=cache,target=/$D,uid=1,sharing=locked --mount=type=secret,id=s,required --mount=type=secret,source=t,env=T --mount=type=ssh --mount=type=tmpfs,target=t,size=1m --mount=from=tools,source=x,target=/y,rw --mount=target=. x",
    );
    expect(node.mounts).toEqual([
      {
        type: "cache",
        id: "//cache",
        source: "/",
        target: "/cache",
        sharing: "locked",
        readOnly: false,
        mode: 0o755,
        uid: 1,
        gid: 0,
      },
      { type: "secret", id: "s", target: "/run/secrets/s", required: true, mode: 0o400, uid: 0, gid: 0 },
      { type: "secret", id: "t", env: "T", required: false, mode: 0o400, uid: 0, gid: 0 },
      { type: "ssh", id: "default", required: false, mode: 0o600, uid: 0, gid: 0 },
      { type: "tmpfs", target: "/home/t", size: 1 << 20 },
      { type: "bind", from: expect.any(Number), source: "/x", target: "/y", readWrite: true },
      { type: "bind", from: expect.any(Number), source: "/", target: "/home", readWrite: false },
    ]);
    expect(node.user).toBe("me");
    expect(node.cwd).toBe("/home");
  });
  test("refused", async () => {
    const message = async (text: string) => (await failure(`FROM base\n${text}`)).message;
    expect(await message("RUN --mount=type=cach,target=/x y")).toBe(
      'dockerfile parse error on line 2: unsupported mount type "cach" (did you mean cache?)',
    );
    expect(await message("RUN --mount=type=cache,taget=/x y")).toBe(
      "unexpected key 'taget' in 'taget=/x' (did you mean target?)",
    );
    expect(await message("RUN --mount=type=bind,target=/ y")).toBe('invalid mount target "/"');
    expect(await message("RUN --network=hots y")).toContain(
      'invalid network mode "hots" (did you mean host?)',
    );
    expect(await message("RUN --mout=x y")).toBe(
      "dockerfile parse error on line 2: unknown flag: --mout (did you mean mount?)",
    );
  });
});

describe("COPY and ADD", () => {
  const copy = (text: string) => only<"copy">(`FROM base\n${text}`, "copy");
  test("paths", async () => {
    const node: CopyNode = await copy("ENV d=out\nCOPY a/../b ./c* ../../e $d/");
    expect(node.sources.map((source) => source.path)).toEqual(["/b", "/c*", "/e"]);
    expect(node.destination).toBe("/home/out/");
    expect((await copy("COPY a .")).destination).toBe("/home/");
    expect((await copy("COPY a b/..")).destination).toBe("/home");
    expect((await copy('COPY ["a b", "/c d"]')).sources[0]!.path).toBe("/a b");
    expect((await copy("COPY --parents x/./y/../z* /")).sources[0]!.path).toBe("/x/./z*");
  });
  test("flags", async () => {
    const node = await copy("COPY --chown=a:b --chmod=u=rwX,go= --link --exclude=*.o --exclude=x a b");
    expect(node).toMatchObject({
      chown: "a:b",
      chmod: { symbolic: "u=rwX,go=" },
      link: true,
      excludes: ["*.o", "x"],
    });
    expect((await copy("COPY --chmod=0755 a b")).chmod).toEqual({ octal: 0o755 });
    expect((await failure("FROM base\nCOPY --chmod=99 a b")).message).toStartWith(
      "invalid chmod parameter: '99'",
    );
  });
  test("files in the Dockerfile", async () => {
    const node = await copy("ARG V=1\nCOPY <<a.txt <<'b' c /x/\n$V \"q\" \\$V\na.txt\n$V\nb\n");
    expect(node.inline).toEqual([
      { name: "a.txt", content: '1 "q" $V\n' },
      { name: "b", content: "$V\n" },
    ]);
    expect(node.sources.map((source) => source.path)).toEqual(["/c"]);
  });
  test("only what is named is asked from the client", async () => {
    const local = async (text: string) => (await only(`FROM base\n${text}`, "local")).followPaths;
    expect(await local("COPY a b/c /x/\nRUN --mount=source=d,target=/d y")).toEqual(["a", "b/c", "d"]);
    expect(await local("COPY a /x\nCOPY . /y")).toBeUndefined();
  });
  test("ADD from the net", async () => {
    const graph = await build(
      `FROM base\nADD --checksum=${DIGEST} https://h/a%20b.tgz?x /d/\nADD --keep-git-dir https://h/r.git?branch=m&submodules=0#:s /r\nADD a.tar b.tgz /`,
    );
    expect(graph.nodes.find((node) => node.type === "http")).toMatchObject({
      filename: "a b.tgz",
      checksum: DIGEST,
    });
    expect(graph.nodes.find((node) => node.type === "git")).toMatchObject({
      remote: "https://h/r.git",
      ref: "refs/heads/m",
      subdir: "s",
      keepGitDir: true,
      skipSubmodules: true,
    });
    const copies = graph.nodes.filter((node) => node.type === "copy");
    expect(copies.map((node) => node.sources.map((source) => source.unpack))).toEqual([
      [false],
      [false],
      [true, true],
    ]);
  });
  test("named contexts stand in for stages and images", async () => {
    const graph = await build(
      "FROM base AS b\nRUN x\nFROM other:1\nCOPY --from=b /x /\nCOPY --from=src y /",
      {
        namedContexts: {
          b: { kind: "files" },
          src: { kind: "files" },
          "other:1": { kind: "image", reference: "base" },
        },
        excludes: { src: ["*.o"] },
      },
    );
    expect(names(graph.nodes)).toEqual([
      "[context b] load from client",
      "[context other:1] docker.io/library/base:latest",
      "[stage-1 1/2] COPY --from=b /x /",
      "[context src] load from client",
      "[stage-1 2/2] COPY --from=src y /",
    ]);
    expect(graph.nodes[3]).toMatchObject({ excludes: ["*.o"], followPaths: ["y"] });
  });
});

test("WORKDIR makes its folder, and / needs none", async () => {
  const node = (await only("FROM base\nWORKDIR a/../b\n", "mkdir")) as MkdirNode;
  expect(node).toMatchObject({ path: "/home/b", user: "me" });
  expect((await build("FROM scratch\nWORKDIR /\n")).nodes.map((each) => each.type)).toEqual(["scratch"]);
});

test("thousands of stages are planned in no time; a circle among them is found", async () => {
  const { options } = setup();
  const count = 4000;
  const lines = ["FROM base AS s0"];
  for (let n = 1; n < count; n++) lines.push(`FROM s${n - 1} AS s${n}`);
  const started = performance.now();
  expect((await buildGraph(lines.join("\n"), options)).nodes).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(5000);
  const circle = "FROM base AS a\nCOPY --from=b /x /x\nFROM base AS b\nCOPY --from=a /y /y\n";
  await expect(buildGraph(circle, options)).rejects.toThrow("circular dependency detected on stage: a");
});

test("EXPOSE of all ports again and again is refused before it takes long", async () => {
  const { options } = setup();
  const lines = Array.from({ length: 200 }, () => "EXPOSE 1-65535/tcp 1-65535/udp");
  await expect(buildGraph(`FROM base\n${lines.join("\n")}`, options)).rejects.toThrow("history is too long");
});
