/** The engine of the builder: cache, isolation of steps, failures, what is left after them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { build, buildOk, type Files, project } from "../harness/project.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox"] });
}, 120_000);
afterAll(() => daemon?.stop(), 60_000);

const SECONDS = 120_000;
const client = { client: "session" } as const;
const text = (result: { stdout: string; stderr: string }) => result.stdout + result.stderr;
const idOf = (name: string) => daemon.out("image", "inspect", "-f", "{{.Id}}", name);

async function made(files: Files, name: string, ...args: string[]): Promise<string> {
  await buildOk(daemon, project(daemon, files), ["-t", name, ...args], client);
  return await idOf(name);
}

describe("cache", () => {
  test(
    "by content, not by times or place; a change of one file executes only what comes after it",
    async () => {
      const Dockerfile = "FROM busybox\nRUN echo once > /once\nCOPY a /a\nCOPY b /b\nRUN cat /a /b > /both\n";
      const first = await made({ Dockerfile, a: "1", b: "2" }, "content1");
      expect(await made({ Dockerfile, a: "1", b: "2" }, "content2")).toBe(first);
      const folder = project(daemon, { Dockerfile, a: "1", b: "3" });
      const changed = text(await buildOk(daemon, folder, ["-t", "content3"], client));
      expect(changed.match(/CACHED/g)).toHaveLength(3);
      expect(await daemon.out("run", "--rm", "content3", "cat", "/both")).toBe("13");
    },
    SECONDS,
  );

  test(
    "the same step in two builds at once is executed once",
    async () => {
      const Dockerfile = "FROM busybox\nRUN --mount=type=cache,target=/c,id=count sleep 1; echo x >> /c/n\n";
      const builds = [1, 2, 3].map(() => buildOk(daemon, project(daemon, { Dockerfile }), [], client));
      await Promise.all(builds);
      const count = text(
        await buildOk(
          daemon,
          project(daemon, {
            Dockerfile: "FROM busybox\nRUN --mount=type=cache,target=/c,id=count wc -l < /c/n\n",
          }),
          [],
          client,
        ),
      );
      expect(count).toMatch(/^#\d+ [\d.]+ 1$/m);
    },
    SECONDS,
  );

  test(
    "sharing=private: builds at once never see each other's folder, and it is used again",
    async () => {
      const builds = [1, 2, 3, 4].map(async (n) => {
        const mount = "--mount=type=cache,target=/c,id=alone,sharing=private";
        const Dockerfile = `FROM busybox\nRUN ${mount} : ${n}; mkdir /c/taken && sleep 1 && rmdir /c/taken && echo ${n} >> /c/n\n`;
        return buildOk(daemon, project(daemon, { Dockerfile }), [], client);
      });
      await Promise.all(builds);
      const listed = await daemon.run(["berth", "buildx", "du", "--verbose"]);
      expect(text(listed).match(/cached mount \S*alone/g)).toHaveLength(4);
    },
    SECONDS,
  );

  test(
    "a large folder that changed a little is the same as copied anew, and outlives what it shares files with",
    async () => {
      const files: Record<string, string> = {
        Dockerfile:
          "FROM busybox\nRUN mkdir /to; echo base > /to/base; touch -d @1600000000 /to/base\nCOPY src /to\n",
      };
      for (let n = 0; n < 600; n++) files[`src/d${n % 20}/f${n}`] = String(n);
      const folder = project(daemon, files);
      const show =
        "cd /to; find . ! -path . -exec stat -c '%n %f %u:%g %s %Y' {} + | sort; find . -type f | sort | xargs cat";
      const shown = (image: string) => daemon.out("run", "--rm", image, "sh", "-c", show);
      const uppers = () => daemon.out("image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "large");
      const both = async (): Promise<string> => {
        await buildOk(daemon, folder, ["-t", "large"], client);
        const upper = await uppers();
        await buildOk(daemon, folder, ["-t", "anew", "--no-cache"], client);
        const patched = await shown("large");
        expect(patched).toBe(await shown("anew"));
        return readdirSync(join(upper, "to")).length < 20 ? "patched" : "whole";
      };
      const write = (name: string, text: string) => writeFileSync(join(folder, "src", name), text);
      expect(await both()).toBe("whole");
      write("d3/f3", "changed");
      expect(await both()).toBe("patched");
      write("d3/f3", "changed again");
      write("d4/new", "new");
      chmodSync(join(folder, "src/d5/f5"), 0o700);
      symlinkSync("f6", join(folder, "src/d6/link"));
      mkdirSync(join(folder, "src/more/deep"), { recursive: true });
      write("more/deep/file", "deep");
      expect(await both()).toBe("patched");
      rmSync(join(folder, "src/d7/f7"));
      expect(await both()).toBe("whole");
      chmodSync(join(folder, "src/d8"), 0o700);
      write("d8/f8", "x");
      expect(await both()).toBe("whole");
      write("d9/f9", "the last");
      expect(await both()).toBe("patched");

      const last = await shown("large");
      await daemon.out("rmi", "anew");
      await daemon.run(["berth", "builder", "prune", "-af"]);
      expect(await shown("large")).toBe(last);
      await daemon.kill();
      await daemon.start();
      expect(await shown("large")).toBe(last);
      const saved = join(daemon.scope.directory, "large.tar");
      await daemon.out("save", "-o", saved, "large");
      await daemon.out("rmi", "large");
      await daemon.out("load", "-i", saved);
      expect(await shown("large")).toBe(last);
    },
    SECONDS,
  );

  test(
    "much that was never read is copied while it is hashed, and thrown away when that was in vain",
    async () => {
      const big = (text: string) => text.repeat((40 << 20) / text.length);
      const Dockerfile = "FROM busybox\nRUN mkdir /to; echo base > /to/base\nCOPY big small /to/\n";
      const files = { Dockerfile, big: big("abcdefgh"), small: "s" };
      const folder = project(daemon, files);
      const data = join(daemon.scope.directory, "data");
      const layers = () => readdirSync(join(data, "layers")).sort();
      const isTidy = () =>
        readdirSync(join(data, "trash")).length + readdirSync(join(data, "layers/new")).length === 0;
      await buildOk(daemon, folder, ["-t", "ahead"], client);
      const first = await idOf("ahead");
      expect(
        await daemon.out("run", "--rm", "ahead", "sh", "-c", "cat /to/base /to/small; wc -c < /to/big"),
      ).toBe(`base\ns${40 << 20}`);
      // The layer is the tar that the image says it is.
      const saved = join(daemon.scope.directory, "ahead.tar");
      await daemon.out("save", "-o", saved, "ahead");
      const ids = JSON.parse(await daemon.out("image", "inspect", "-f", "{{json .RootFS.Layers}}", "ahead"));
      const tar = Bun.spawnSync(["tar", "-xOf", saved, `blobs/sha256/${ids.at(-1).slice("sha256:".length)}`]);
      expect(`sha256:${new Bun.CryptoHasher("sha256").update(tar.stdout).digest("hex")}`).toBe(ids.at(-1));

      const before = layers();
      utimesSync(join(folder, "big"), 1, 1);
      const again = text(await buildOk(daemon, folder, ["-t", "ahead"], client));
      expect(again.match(/CACHED/g)).toHaveLength(3);
      expect(await made(files, "ahead")).toBe(first);
      const failing = project(daemon, {
        Dockerfile: "FROM busybox AS a\nCOPY big /\nFROM busybox\nCOPY --from=a /big /\nCOPY missing /\n",
        big: big("other"),
      });
      expect((await build(daemon, failing, [], client)).exitCode).toBe(1);
      await eventually("what was in vain is gone", () => isTidy());
      const failed = layers().filter((name) => !before.includes(name));
      // The first stage may have been there in time.
      expect(failed.length).toBeLessThan(3);

      writeFileSync(join(folder, "big"), big("ijkl"));
      await buildOk(daemon, folder, ["-t", "ahead"], client);
      expect(await daemon.out("run", "--rm", "ahead", "head", "-c", "4", "/to/big")).toBe("ijkl");
    },
    SECONDS,
  );

  test(
    "SOURCE_DATE_EPOCH: built anew it is the same image, bit for bit",
    async () => {
      const files = {
        Dockerfile: "FROM busybox\nWORKDIR /w\nCOPY a /x/a\nRUN date > /dev/null; echo b > /w/b\n",
        a: "1",
      };
      const args = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000", "--no-cache"];
      const first = await made(files, "epoch1", ...args);
      expect(await made(files, "epoch2", ...args)).toBe(first);
    },
    SECONDS,
  );
});

describe("steps", () => {
  test(
    "secrets are in no layer, no history and no cache",
    async () => {
      const secret = `secret-${crypto.randomUUID()}`;
      const file = join(daemon.scope.directory, "secret");
      writeFileSync(file, secret);
      const Dockerfile =
        "FROM busybox\nRUN --mount=type=secret,id=s test -s /run/secrets/s && echo ok > /ok\nRUN test ! -e /run/secrets\n";
      await made({ Dockerfile }, "secretive", "--secret", `id=s,src=${file}`);
      const found = await daemon.host("grep", "-rl", secret, join(daemon.scope.directory, "data"));
      expect(found.stdout).toBe("");
    },
    SECONDS,
  );

  test(
    "what a step writes into /etc/hostname stays; hosts and resolv.conf are its own",
    async () => {
      const Dockerfile =
        "FROM busybox\nRUN for f in hostname hosts resolv.conf; do echo mine > /etc/$f; done\nFROM busybox\nCOPY --from=0 /etc /seen\n";
      await made({ Dockerfile }, "hostname");
      expect(await daemon.out("run", "--rm", "hostname", "sh", "-c", "grep -l mine /seen/*")).toBe(
        "/seen/hostname",
      );
    },
    SECONDS,
  );

  test(
    "the network is the host's where that is asked for and allowed, and none has only its own loopback",
    async () => {
      const { bridge } = daemon.scope;
      const seen = async (flag: string, ...args: string[]) => {
        const Dockerfile = `FROM busybox\nRUN ${flag} echo bridges $(ip -o link | grep -c ${bridge}) of $(ip -o link | wc -l)\n`;
        const built = await buildOk(daemon, project(daemon, { Dockerfile }), ["--no-cache", ...args], client);
        return /bridges (\d.*)$/m.exec(text(built))?.[1];
      };
      expect(await seen("--network=host", "--network", "host")).toMatch(/^1 of/);
      expect(await seen("", "--network", "host")).toMatch(/^1 of/);
      expect(await seen("--network=none")).toBe("0 of 1");
      await daemon.out("run", "-d", "--name", "shared", "--network", "none", "busybox", "sleep", "100");
      expect(await seen("", "--network", "container:shared")).toBe("0 of 1");
      await daemon.out("rm", "-f", "shared");
    },
    SECONDS,
  );

  test(
    "a step that fails says how, and leaves nothing",
    async () => {
      const folder = project(daemon, { Dockerfile: "FROM busybox\nRUN echo before; exit 7\n" });
      const failed = await build(daemon, folder, [], client);
      expect(failed.exitCode).not.toBe(0);
      expect(text(failed)).toContain(
        'process "/bin/sh -c echo before; exit 7" did not complete successfully: exit code: 7',
      );
      expect(readdirSync(join(daemon.scope.directory, "data/build/run"))).toEqual([]);
    },
    SECONDS,
  );

  test(
    "links in the context and in other stages lead nowhere outside",
    async () => {
      const Dockerfile = "FROM busybox\nCOPY link /copied\n";
      const failed = await build(daemon, project(daemon, { Dockerfile, link: "-> /etc/shadow" }), [], client);
      expect(failed.exitCode).not.toBe(0);
      expect(text(failed)).toContain("not found");
    },
    SECONDS,
  );

  test(
    "mounts leave no trace in the image",
    async () => {
      const Dockerfile = `FROM busybox
RUN --mount=type=cache,target=/var/cache/x --mount=type=tmpfs,target=/t --mount=type=bind,target=/ctx echo x > /t/x
`;
      const base = (await daemon.out("image", "inspect", "-f", "{{len .RootFS.Layers}}", "busybox")).trim();
      await made({ Dockerfile }, "untouched");
      expect((await daemon.out("image", "inspect", "-f", "{{len .RootFS.Layers}}", "untouched")).trim()).toBe(
        base,
      );
    },
    SECONDS,
  );
});

describe("the daemon is killed", () => {
  test(
    "while a step runs: nothing of it is left, and what was done before is cached",
    async () => {
      const marker = `sleep 4${Math.floor(Math.random() * 1e6)}`;
      const folder = project(daemon, {
        Dockerfile: `FROM busybox\nRUN echo first > /first\nRUN ${marker}\n`,
      });
      const running = build(daemon, folder, [], client);
      const isRunning = async () => (await daemon.host("pgrep", "-f", `^${marker}$`)).exitCode === 0;
      await eventually("the step runs", async () => (await isRunning()) || undefined);
      await daemon.kill();
      await running;
      await daemon.start();
      await eventually("the step has ended", async () => !(await isRunning()) || undefined);
      expect(readdirSync(join(daemon.scope.directory, "data/build/run"))).toEqual([]);
      expect(readdirSync(join(daemon.scope.directory, "data/build/contexts"))).toEqual([]);
      expect(existsSync(join(daemon.scope.directory, "exec/build"))).toBe(false);
      writeFileSync(join(folder, "Dockerfile"), "FROM busybox\nRUN echo first > /first\nRUN true\n");
      expect(text(await buildOk(daemon, folder, [], client))).toContain("CACHED");
    },
    SECONDS,
  );
});
