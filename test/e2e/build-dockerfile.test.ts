/** The Dockerfile language, executed: what each instruction leaves in an image. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOk } from "../harness/command.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { build, buildOk, type Files, project } from "../harness/project.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon?.stop(), 60_000);

/** Debian's BuildKit 0.8 knows no heredocs and none of the newer flags. */
const onBerth = test.skipIf(engineOfThisRun() !== "berth");
const SECONDS = 100_000;
let number = 0;

/** Builds the files and answers what the script prints in a container of the image. */
async function result(files: Files, script: string, args: readonly string[] = []): Promise<string> {
  const name = `language:${++number}`;
  await buildOk(daemon, project(daemon, files), ["-t", name, ...args]);
  return await daemon.out("run", "--rm", "--entrypoint", "/bin/sh", name, "-c", script);
}

describe("heredocs", () => {
  onBerth(
    "as commands, scripts, files",
    async () => {
      const Dockerfile = `FROM busybox
ARG NAME=world
RUN <<EOF
set -e
echo "hello $NAME" > /one
cd /tmp
pwd >> /one
EOF
RUN <<"SCRIPT"
#!/bin/ash
echo "script $0 $NAME" > /two
SCRIPT
RUN cat <<A - <<-B > /three
first $NAME
A
	second
	B
COPY --chmod=700 <<x.sh <<'raw' /files/
echo $NAME
x.sh
echo $NAME
raw
`;
      const found = await result({ Dockerfile }, "cat /one /two /three; cd /files; stat -c '%n %a' *; cat *");
      expect(found.split("\n")).toEqual([
        ...["hello world", "/tmp", "script /dev/pipes/SCRIPT world"],
        expect.stringMatching(/first|second/),
        ...(found.includes("first world\nsecond") ? ["second"] : []),
        ...["raw 700", "x.sh 700", "echo $NAME", "echo world"],
      ]);
    },
    SECONDS,
  );
});

describe("COPY", () => {
  const tree = { "d/a.txt": "a", "d/sub/b.txt": "b", "d/sub/c.o": "c", "e f": "ef", top: "t" };
  test(
    "folders, files, wildcards, names with blanks, targets",
    async () => {
      const Dockerfile = `FROM busybox
WORKDIR /w
COPY d dir
COPY d/ dir2/
COPY d/*.txt top texts/
COPY ["e f", "/w/g h"]
COPY top ./
COPY top renamed
COPY none* t* nothing/
COPY --chown=7:8 d/sub owned/
`;
      expect(
        await result(
          { Dockerfile, ...tree },
          "find . -type f | sort; cat 'g h'; echo; stat -c %u:%g owned owned/b.txt",
        ),
      ).toBe(
        [
          ...[
            "./dir/a.txt",
            "./dir/sub/b.txt",
            "./dir/sub/c.o",
            "./dir2/a.txt",
            "./dir2/sub/b.txt",
            "./dir2/sub/c.o",
          ],
          ...[
            "./g h",
            "./nothing/top",
            "./owned/b.txt",
            "./owned/c.o",
            "./renamed",
            "./texts/a.txt",
            "./texts/top",
            "./top",
          ],
          ...["ef", "7:8", "7:8"],
        ].join("\n"),
      );
    },
    SECONDS,
  );
  onBerth(
    "--parents, --exclude, --chmod, --link",
    async () => {
      const Dockerfile = `FROM busybox
COPY --parents d/sub/b.txt ./d/./sub/c.o /p/
COPY --exclude=*.o --exclude=a.txt d /x/
COPY --exclude=**/*.o d /y/
COPY --chmod=u=rwX,go=r d /m/
COPY --link --chmod=0640 top /l/deep/top
RUN ln -s /l /alias && echo ok > /after
`;
      const script =
        "find /p /x /y -type f | sort; stat -c '%n %a' /m /m/a.txt /m/sub /l/deep/top; cat /after /alias/deep/top";
      expect(await result({ Dockerfile, ...tree }, script)).toBe(
        [
          ...["/p/d/sub/b.txt", "/p/sub/c.o", "/x/sub/b.txt", "/x/sub/c.o", "/y/a.txt", "/y/sub/b.txt"],
          ...["/m 755", "/m/a.txt 644", "/m/sub 744", "/l/deep/top 640", "ok", "t"],
        ].join("\n"),
      );
    },
    SECONDS,
  );
  test(
    "destinations behind links; folders that are made; owners in archives",
    async () => {
      const Dockerfile = `FROM busybox
RUN mkdir /real && ln -s /real/new /link && ln -s real/old /other && echo old > /real/old && ln -s /none/file /dangling
COPY top /link
COPY --chown=7:8 top /other
COPY top /dangling
COPY --chmod=700 --chown=3:4 d /made
COPY d/sub /real
ADD --chown=5:6 owned.tar /unpacked/
`;
      const folder = project(daemon, { Dockerfile, ...tree });
      chmodSync(join(folder, "d"), 0o711);
      await runOk(["sh", "-c", "tar -cf owned.tar --owner=11 --group=12 top"], { cwd: folder });
      await buildOk(daemon, folder, ["-t", "places"]);
      const script =
        "for l in /link /other /dangling; do readlink $l; done; stat -c '%n %a %u:%g' /real/new /real/old /none /none/file /made /made/a.txt /made/sub /real/b.txt /unpacked /unpacked/top";
      expect(await daemon.out("run", "--rm", "places", "sh", "-c", script)).toBe(
        [
          ...[
            "/real/new",
            "real/old",
            "/none/file",
            "/real/new 644 0:0",
            "/real/old 644 7:8",
            "/none 755 0:0",
          ],
          ...["/none/file 644 0:0", "/made 755 3:4", "/made/a.txt 700 3:4", "/made/sub 700 3:4"],
          ...["/real/b.txt 644 0:0", "/unpacked 755 5:6", "/unpacked/top 644 11:12"],
        ].join("\n"),
      );
    },
    SECONDS,
  );
  test(
    "a link takes the place of a link, and what is copied after it comes too",
    async () => {
      const files = { "d/a/link": "-> x", "d/a/x": "1", "d/a/z": "2" };
      const Dockerfile = "FROM busybox\nCOPY d /w\nCOPY d /w\n";
      expect(await result({ Dockerfile, ...files }, "readlink /w/a/link; cat /w/a/link /w/a/z")).toBe(
        "x\n12",
      );
    },
    SECONDS,
  );
  onBerth(
    "--chmod as chmod says it",
    async () => {
      const Dockerfile = "FROM busybox\nCOPY --chmod=g=u,o= top /t\nCOPY --chmod=u=rw,go=u,go-w top /u\n";
      const found = await result({ Dockerfile, ...tree }, "stat -c %a /t /u");
      expect(found).toBe("660\n644");
    },
    SECONDS,
  );
  test(
    ".dockerignore, with exceptions, and the Dockerfile's own",
    async () => {
      const files = {
        "a.log": "",
        "keep.log": "",
        "deep/b.log": "",
        "deep/n/m/x": "",
        "deep/n/y": "",
        "vendor/z": "",
        Dockerfile: "FROM busybox\nCOPY . /c/\n",
      };
      const list = "cd /c && echo $(find . -type f | sort)";
      const ignore =
        "# comment\n**/*.log\n!keep.log\ndeep/n\n!deep/n/m\n/vendor/\nDockerfile\n.dockerignore\n";
      expect(await result({ ...files, ".dockerignore": ignore }, list)).toBe("./deep/n/m/x ./keep.log");
      const own = { ...files, "Dockerfile.dockerignore": "*\n!keep.log\n", ".dockerignore": ignore };
      expect(await result(own, list)).toBe("./keep.log");
    },
    SECONDS,
  );
});

/** Docker's two builders differ in this, and so do the two ways to build here. */
describe("several files to a destination without a slash at its end", () => {
  const files = { a: "A", b: "B", "d/c": "C", "e/f": "F" };
  const refusal = (instruction: string) =>
    `When using ${instruction} with more than one source file, the destination must be a directory and end with a /`;
  const refused: [string, string][] = [
    ["COPY", "a b /x"],
    ["ADD", "a d /x"],
    ["COPY", "[ab] /x"],
    ["COPY", "a b ."],
    ["COPY", "a b /tmp"],
  ];
  test.each(refused)("the classic builder refuses %s %s", async (instruction, rest) => {
    const folder = project(daemon, { Dockerfile: `FROM busybox\n${instruction} ${rest}\n`, ...files });
    const { exitCode, stdout, stderr } = await build(daemon, folder, [], { client: "classic" });
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`Step 2/2 : ${instruction} ${rest}\n`);
    expect(stderr).toContain(refusal(instruction));
  });
  test("the classic builder takes one file, whatever the wildcard, and what ends with a slash", async () => {
    const Dockerfile = "FROM busybox\nCOPY a* /x\nENV D=/y/\nCOPY a b $D\nCOPY d /z\n";
    const folder = project(daemon, { Dockerfile, ...files });
    await buildOk(daemon, folder, ["-t", "slash"], { client: "classic" });
    expect(await daemon.out("run", "--rm", "slash", "cat", "/x", "/y/a", "/y/b", "/z/c")).toBe("AABC");
  });
  test(
    "BuildKit copies one after the other",
    async () => {
      const Dockerfile = `FROM busybox
RUN mkdir /there; ln -s /behind /link; ln -s /there /linked
COPY a b /file
COPY [ab] /wild
COPY d a e /folder
COPY a b /there
COPY a b /link
COPY b a /linked
ADD a b /new/added
WORKDIR /w
COPY a b .
`;
      const list =
        "cd / && echo $(find file wild folder there behind new w -type f | sort) && cat file wild behind new/added";
      expect(await result({ Dockerfile, ...files }, list)).toBe(
        "behind file folder/a folder/c folder/f new/added there/a there/b w/a w/b wild\nBBBB",
      );
      const output = await build(
        daemon,
        project(daemon, { Dockerfile: "FROM busybox\nCOPY a d /x\n", ...files }),
      );
      expect(output.stderr + output.stdout).toContain("cannot copy to non-directory: ");
    },
    SECONDS,
  );
});

describe("ADD", () => {
  test(
    "unpacks archives of the context",
    async () => {
      const folder = project(daemon, {
        Dockerfile: "FROM busybox\nADD x.tar.gz /u/\nCOPY x.tar.gz /k/\n",
        "in/file": "inside",
      });
      await runOk(["tar", "-C", folder, "-czf", join(folder, "x.tar.gz"), "in"]);
      await buildOk(daemon, folder, ["-t", "add:1"]);
      expect(await daemon.out("run", "--rm", "add:1", "sh", "-c", "cat /u/in/file; ls /u /k")).toBe(
        "inside/k:\nx.tar.gz\n\n/u:\nin",
      );
    },
    SECONDS,
  );
  onBerth(
    "from HTTP with a checksum, and from git",
    async () => {
      const site = join(daemon.scope.directory, "site");
      mkdirSync(site);
      writeFileSync(join(site, "data.txt"), "from the net");
      await runOk([
        "sh",
        "-ec",
        `cd '${site}'; git init -q -b main work; cd work; git config user.email a@b; git config user.name a; mkdir sub; echo one > sub/f; git add .; git commit -qm 1; git tag v1; echo two > sub/f; git commit -qam 2; git clone -q --bare . ../repo.git; cd ../repo.git; git update-server-info`,
      ]);
      using server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch(request) {
          const file = Bun.file(join(site, new URL(request.url).pathname));
          return file
            .exists()
            .then((there) => (there ? new Response(file) : new Response("", { status: 404 })));
        },
      });
      const url = `http://127.0.0.1:${server.port}`;
      const digest = `sha256:${createHash("sha256").update("from the net").digest("hex")}`;
      const Dockerfile = `FROM busybox
ADD --checksum=${digest} --chmod=600 ${url}/data.txt /data/
ADD ${url}/repo.git#v1:sub /v1
ADD --keep-git-dir=true ${url}/repo.git /head
`;
      expect(
        await result({ Dockerfile }, "cat /data/data.txt; echo; cat /v1/f /head/sub/f; ls -d /head/.git"),
      ).toBe("from the net\none\ntwo\n/head/.git");
      const wrong = digest.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
      const folder = project(daemon, {
        Dockerfile: `FROM busybox\nADD --checksum=${wrong} ${url}/data.txt /\n`,
      });
      const failed = await build(daemon, folder);
      expect(failed.exitCode).not.toBe(0);
      expect(failed.stdout + failed.stderr).toContain("digest mismatch");
    },
    SECONDS,
  );
});

describe("RUN", () => {
  onBerth(
    "mounts: cache, secret, tmpfs, bind; nothing of them is in the image",
    async () => {
      const secret = join(daemon.scope.directory, "secret");
      writeFileSync(secret, "hunter2");
      const Dockerfile = (round: number) => `FROM busybox AS tools
RUN echo tool > /tool
FROM busybox
RUN --mount=type=cache,target=/cache,id=shared-cache echo ${round} >> /cache/log && cat /cache/log > /log
RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S,target=/other cat /run/secrets/s /other > /dev/null && echo "\${#S} $(stat -c %a /run/secrets/s)" > /length
RUN --mount=type=tmpfs,target=/t,size=8m mount | grep -c ' /t type tmpfs' > /tmpfs; test ! -e /t/x
RUN --mount=from=tools,source=/tool,target=/mnt/tool --mount=target=/ctx,rw cat /mnt/tool > /copied && echo x > /ctx/new
`;
      const args = ["--secret", `id=s,src=${secret}`];
      const look =
        "cat /log /length /tmpfs /copied; ls /cache /run/secrets /mnt /ctx /t 2>/dev/null; grep -r hunter2 /run /other /etc /tmp /t /cache 2>/dev/null; true";
      expect((await result({ Dockerfile: Dockerfile(1) }, look, args)).split("\n").slice(0, 4)).toEqual([
        "1",
        "7 400",
        "1",
        "tool",
      ]);
      const second = await result({ Dockerfile: Dockerfile(2) }, look, args);
      expect(second.split("\n").slice(0, 5)).toEqual(["1", "2", "7 400", "1", "tool"]);
      expect(second).not.toContain("hunter2");
      expect(second).not.toContain("new");
    },
    SECONDS,
  );
  test(
    "users, folders, shells, variables",
    async () => {
      const Dockerfile = `FROM busybox
ARG A=arg
ENV E="env $A" PATH=$PATH:/extra
SHELL ["/bin/sh", "-e", "-c"]
WORKDIR /made/by
RUN echo 'someone:x:1234:1234::/home/someone:/bin/sh' >> /etc/passwd && chown 1234 .
USER someone
WORKDIR workdir
RUN false || true; { id -u; pwd; echo "$E $A \${HOME}"; } > out
RUN ["sh", "-c", "echo $0 exec >> out"]
`;
      expect(await result({ Dockerfile }, 'cat out; stat -c %U .; echo $PATH; echo "[$A]"')).toBe(
        [
          ...["1234", "/made/by/workdir", "env arg arg /home/someone", "sh exec", "someone"],
          ...["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/extra", "[]"],
        ].join("\n"),
      );
    },
    SECONDS,
  );
  onBerth(
    "--network=none has no way out",
    async () => {
      const Dockerfile = "FROM busybox\nRUN --network=none ls /sys/class/net > /links\n";
      expect(await result({ Dockerfile }, "cat /links")).toBe("lo");
    },
    SECONDS,
  );
});

describe("stages", () => {
  test(
    "what the target does not need is not even looked up; ONBUILD; ARG in FROM",
    async () => {
      const Dockerfile = `ARG BASE=nothing/there:1
ARG LAST
FROM $BASE AS first
ONBUILD ARG WHO=child
ONBUILD RUN echo "built for $WHO" > /onbuild
RUN echo first > /stage
FROM no/such/image:1 AS unused
RUN false
FROM first AS second
COPY --from=first /stage /copied
ARG LAST
RUN echo "$LAST" >> /copied
FROM unused AS last
`;
      const args = ["--target", "second", "--build-arg", "BASE=busybox", "--build-arg", "LAST=given"];
      expect(await result({ Dockerfile }, "cat /onbuild /copied", args)).toBe(
        "built for child\nfirst\ngiven",
      );
    },
    SECONDS,
  );
  onBerth(
    "named contexts, and --no-cache-filter",
    async () => {
      const other = project(daemon, { file: "other" });
      const folder = project(daemon, {
        Dockerfile: `FROM base AS one
RUN cat /proc/sys/kernel/random/uuid > /one
FROM base AS two
RUN cat /proc/sys/kernel/random/uuid > /two
FROM base
COPY --from=more file /file
COPY --from=one /one /
COPY --from=two /two /
`,
      });
      const args = ["--build-context", "base=docker-image://busybox", "--build-context", `more=${other}`];
      const ids = async (name: string, ...more: string[]) => {
        await buildOk(daemon, folder, ["-t", name, ...args, ...more]);
        return (await daemon.out("run", "--rm", name, "cat", "/file", "/one", "/two")).split("\n");
      };
      const first = await ids("filter:1");
      expect(first[0]).toStartWith("other");
      expect(await ids("filter:2")).toEqual(first);
      const third = await ids("filter:3", "--no-cache-filter", "two");
      expect(third[0]).toBe(first[0]!);
      expect(third[1]).not.toBe(first[1]);
    },
    SECONDS,
  );
});

describe("--check", () => {
  onBerth(
    "names the rules and lines, and builds nothing",
    async () => {
      const folder = project(daemon, {
        Dockerfile: "FROM busybox AS Build\nRUN exit 9\nENV API_TOKEN=x\nCMD echo hi\n",
      });
      const found = await build(daemon, folder, ["--check", "-t", "checked"]);
      const output = found.stdout + found.stderr;
      expect(found.exitCode).not.toBe(0);
      for (const rule of ["StageNameCasing", "SecretsUsedInArgOrEnv", "JSONArgsRecommended"]) {
        expect(output).toContain(rule);
      }
      expect((await daemon.run(["docker", "image", "inspect", "checked"])).exitCode).toBe(1);
      const clean = await build(daemon, project(daemon, { Dockerfile: 'FROM busybox\nCMD ["x"]\n' }), [
        "--check",
      ]);
      expect(clean.exitCode).toBe(0);
      expect(clean.stdout + clean.stderr).toContain("no warnings found");
    },
    SECONDS,
  );
});
