/**
 * COPY of a large folder that changes at random, patched over the COPY before, beside the same files copied as a whole by another
 * daemon: the layers must be the same, and so must be what a later step sees of them.
 *
 * BERTH_PATCH_SEEDS=100 tries more trees, BERTH_PATCH_SEED=7 only that one.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TarEntry, TarReader } from "@berth/archive";
import { ChangingTree, oneOf, type Random, random } from "../harness/changing-tree.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { type BuildClient, build, buildOk, project } from "../harness/project.ts";

const { BERTH_PATCH_SEED: ONLY, BERTH_PATCH_SEEDS: COUNT } = process.env;
/** Three that find it when names of one file are not copied together. */
const SEEDS = COUNT === undefined ? [17, 24, 28] : Array.from({ length: Number(COUNT) }, (_, seed) => seed);
const ROUNDS = 4;
const SECONDS = 300_000;
const BEGAN = Math.floor(Date.now() / 1000);

let patching: Daemon;
let anew: Daemon;
beforeAll(async () => {
  const start = () => startDaemon({ engine: "berth", images: ["busybox"], dataRootMegabytes: 1024 });
  [patching, anew] = [await start(), await start()];
}, 120_000);
afterAll(async () => {
  await Promise.all([patching?.stop(), anew?.stop()]);
}, 60_000);

/** What is at the destination before, and may be in the way. */
const BASES = [
  "true",
  "mkdir -p /to/d3 /to/d4 /to/new0; echo base > /to/base; echo base > /to/d3/f3; chmod 2770 /to/d4; chown -R 7:8 /to",
  "mkdir -p /to /away; ln -s /away /to/new1; ln -s d6 /to/new2; ln -s ../base /to/d2; ln -s / /to/d5",
  "mkdir -p /to/d7/old /to/new3; echo old > /to/d7/old/f; echo old > /to/new3/f\nRUN rm -rf /to/d7/old /to/new3; mkdir /to/d7/old",
  "mkdir -p /real; ln -s real /to; ln -s /real /link",
];
const FLAGS = [
  "",
  "--chown=1000:1001",
  "--chmod=640",
  "--chmod=u=rwX,go=rX",
  "--exclude=d1? --exclude=**/*0",
  "--link",
  "--parents",
  "--link --chown=5:6 --chmod=755",
];
const COPIES = ["src /to", "src/ /to/", "src /to/deep/er/", ". /to", "src /link/x", "./src/. /"];
const IGNORED = ["", "", "**/*9\n", "src/d2\n!src/d2/f2*\n", "*\n!src\nsrc/d1*\n!src/d12\n"];
const CLIENTS: readonly BuildClient[] = ["berth", "berth", "session"];

function dockerfile(choose: Random): string {
  const copy = oneOf(choose, COPIES);
  const [, to] = copy.split(" ");
  return `# syntax=docker/dockerfile:1-labs
FROM busybox AS first
RUN ${oneOf(choose, BASES)}
COPY ${oneOf(choose, FLAGS)} ${copy}
FROM busybox
COPY ${oneOf(choose, ["", "--chown=9:9", "--exclude=**/f1*"])} --from=first ${to} /again
RUN --mount=from=first,target=/f cd /f; \\
  find .${to} /again ! -type d -exec stat -c '%n %f %u:%g %s %h' {} + > /seen; \\
  find .${to} /again -type d -exec stat -c '%n %f %u:%g' {} + >> /seen; \\
  find .${to} /again -type l -exec readlink {} + >> /seen; \\
  find .${to} /again -type f -exec md5sum {} + >> /seen; sort -o /seen /seen
FROM first
COPY --from=1 /again /seen /
`;
}

test.each(ONLY === undefined ? SEEDS : [Number(ONLY)])(
  "tree %d",
  async (seed) => {
    const choose = random(seed);
    const folder = mkdtempSync(join(patching.scope.directory, "tree-"));
    const client = oneOf(choose, CLIENTS);
    const tree = new ChangingTree(join(folder, "src"), choose, { hiddenChanges: client === "berth" });
    const Dockerfile = dockerfile(choose);
    writeFileSync(join(folder, "Dockerfile"), Dockerfile);
    writeFileSync(join(folder, ".dockerignore"), oneOf(choose, IGNORED));
    const options = { client };
    const done = [`client ${client}`];
    for (let round = 0; round < ROUNDS; round++) {
      const [patched, whole] = await Promise.all([
        build(patching, folder, ["-t", "made"], options),
        build(anew, folder, ["-t", "made", "--no-cache"], options),
      ]);
      const how = `${Dockerfile}${readFileSync(join(folder, ".dockerignore"), "utf8")}${done.join("\n")}\n`;
      if (patched.exitCode !== whole.exitCode)
        throw new Error(`${how}${patched.stderr}\n-- as a whole:\n${whole.stderr}`);
      if (whole.exitCode === 0) {
        if (choose(4) === 0) await patching.ok(["berth", "builder", "prune", "-f"]);
        const [ours, theirs] = await Promise.all([layersOf(patching, folder), layersOf(anew, folder)]);
        for (const [at, layer] of ours.entries())
          expect(`${how}layer ${at}:\n${difference(layer, theirs[at])}`).toBe(`${how}layer ${at}:\n`);
      }
      done.push(...tree.change());
    }
    rmSync(folder, { recursive: true });
  },
  SECONDS,
);

test(
  "what was copied through a link of the base is not patched",
  async () => {
    const Dockerfile =
      "FROM busybox\nRUN mkdir -p /to/d1; ln -s d1 /to/a; ln -s d2 /to/z\nCOPY src /to\nRUN cat /to/d1/f /to/d2/f > /seen\n";
    const files: Record<string, string> = { Dockerfile, "src/d1/f": "1", "src/d2/f": "2", "src/z/f": "z" };
    for (let n = 0; n < 600; n++) files[`src/d${n % 9}/f${n}`] = String(n);
    const folder = project(patching, files);
    const seen = async () => {
      await buildOk(patching, folder, ["-t", "linked"]);
      return await patching.out("run", "--rm", "linked", "cat", "/seen");
    };
    const write = (path: string, content: string) => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    // All of it is copied in the order of names: z/f takes the place of d2/f, d1/f that of a/f.
    expect(await seen()).toBe("1z");
    write("src/d2/f", "changed");
    expect(await seen()).toBe("1z");
    rmSync(join(folder, "src/z"), { recursive: true });
    expect(await seen()).toBe("1changed");
    write("src/a/f", "a");
    expect(await seen()).toBe("1changed");
  },
  SECONDS,
);

test(
  "names that are not UTF-8: each is its own file, and the folder is patched all the same",
  async () => {
    const Dockerfile = `FROM busybox
COPY src /to
RUN cd /to; (for name in 375 376 377; do cat "$(printf "\\\\$name")" || echo -n _; done; readlink link) > /seen
`;
    const files: Record<string, string> = { Dockerfile, "src/f": "" };
    for (let n = 0; n < 600; n++) files[`src/f${n}`] = "x".repeat(1000);
    const folder = project(patching, files);
    const path = (byte: number) => Buffer.concat([Buffer.from(join(folder, "src/")), Buffer.from([byte])]);
    const link = (byte: number) => {
      rmSync(join(folder, "src/link"), { force: true });
      symlinkSync(Buffer.from([byte]), join(folder, "src/link"));
    };
    const seen = async () => {
      await buildOk(patching, folder, ["-t", "stray"]);
      const { stdout } = await patching.ok(["sh", "-c", "docker run --rm stray cat /seen | od -An -c"]);
      return stdout.trim().replace(/\s+/g, " ");
    };
    writeFileSync(path(0xff), "a");
    writeFileSync(path(0xfe), "b");
    link(0xff);
    expect(await seen()).toBe("_ b a 377 \\n");
    const before = await layersOnDisk();
    writeFileSync(path(0xfe), "c");
    link(0xfe);
    expect(await seen()).toBe("_ c a 376 \\n");
    expect((await layersOnDisk()) - before).toBe(1);
    // Only the name is another one.
    renameSync(path(0xfe), path(0xfd));
    expect(await seen()).toBe("c _ a 376 \\n");
  },
  SECONDS,
);

/** The images sized:1, a folder of 600 files of 1000 bytes, and sized:2 and sized:3, one file each over it; nothing else is kept. */
async function wholeAndTwoPatches(): Promise<void> {
  await patching.out("system", "prune", "-af");
  const files: Record<string, string> = { Dockerfile: "FROM scratch\nCOPY src /to\n" };
  for (let n = 0; n < 600; n++) files[`src/f${n}`] = "x".repeat(1000);
  const folder = project(patching, files);
  for (const n of [1, 2, 3]) {
    writeFileSync(join(folder, "src/f1"), String(n).repeat(1000));
    await buildOk(patching, folder, ["-t", `sized:${n}`]);
  }
}

test(
  "pruning says what it frees: of a folder and its patches the files count once, when the last that needs them goes",
  async () => {
    await wholeAndTwoPatches();
    const reclaimed = async (...command: string[]) =>
      /reclaimed space: (.*)/.exec((await patching.ok(["docker", ...command])).stdout)?.[1];
    await patching.out("rmi", "sized:1");
    expect(await reclaimed("builder", "prune", "-af")).toBe("0B");
    await patching.out("rmi", "sized:2");
    expect(await reclaimed("image", "prune", "-af")).toBe("600kB");
  },
  SECONDS,
);

/** `docker system df` and `buildx du`, beside the disk. */
test(
  "what a folder and its patches take on the disk is counted once, whether images need it or only the cache",
  async () => {
    await wholeAndTwoPatches();
    const usage = async () => {
      const { LayersSize, Images, BuildCache } = (await patching.api("GET", "/v1.44/system/df")).json<{
        LayersSize: number;
        Images: { RepoTags: string[] | null; Size: number; SharedSize: number }[];
        BuildCache: { Description: string; Size: number; Shared: boolean }[];
      }>();
      const own = Object.fromEntries(
        Images.map(({ RepoTags, Size, SharedSize }) => [RepoTags?.[0], Size - SharedSize]),
      );
      const cache = BuildCache.filter(({ Description }) => Description.includes("COPY"));
      const sum = (shared: boolean) =>
        cache.reduce((total, { Shared, Size }) => total + (Shared === shared ? Size : 0), 0);
      return { LayersSize, own, cached: sum(false), shared: sum(true), records: cache.length };
    };
    expect(await usage()).toEqual({
      LayersSize: 602_000,
      own: { "sized:1": 0, "sized:2": 1000, "sized:3": 1000 },
      ...{ cached: 0, shared: 602_000, records: 3 },
    });
    expect(await layersOnDisk()).toBe(602_000);
    const inCache = await patching.ok(["docker", "rmi", "sized:1", "sized:2", "sized:3"]).then(usage);
    expect(inCache).toEqual({ LayersSize: 0, own: {}, cached: 602_000, shared: 0, records: 3 });
    // The first one's own record goes, its files stay for the others.
    const du = async () => (await patching.ok(["berth", "buildx", "du"])).stdout;
    const first = /^(\S+)\s+true\s+600kB/m.exec(await du())?.[1];
    const pruned = await patching.ok(["berth", "buildx", "prune", "-af", "--filter", `id=${first}`]);
    expect(pruned.stdout).toContain("Total reclaimed space: 0B");
    expect(await usage()).toEqual(inCache);
    expect(await layersOnDisk()).toBe(602_000);
    expect((await patching.ok(["berth", "buildx", "prune", "-af"])).stdout).toContain(
      "Total reclaimed space: 602kB",
    );
    expect(await layersOnDisk()).toBe(0);
  },
  SECONDS,
);

/** Bytes of all files in layers that are not busybox's. */
async function layersOnDisk(): Promise<number> {
  const folder = join(patching.dataRoot, "layers");
  const { stdout } = await patching.ok([
    "find",
    folder,
    "-path",
    "*/fs/to/*",
    "-type",
    "f",
    "-printf",
    "%s\n",
  ]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .reduce((sum, size) => sum + Number(size), 0);
}

function difference(ours: readonly string[], theirs: readonly string[] = []): string {
  const [us, them] = [new Set(ours), new Set(theirs)];
  const lines = [
    ...theirs.filter((line) => !us.has(line)).map((line) => `- ${line}`),
    ...ours.filter((line) => !them.has(line)).map((line) => `+ ${line}`),
  ];
  return lines.join("\n") || (ours.join() === theirs.join() ? "" : "the same in another order");
}

/** The layers of `made` as `docker save` has them. */
async function layersOf(daemon: Daemon, place: string): Promise<string[][]> {
  const folder = mkdtempSync(`${place}-saved-`);
  const archive = join(folder, "made.tar");
  await daemon.ok(["docker", "save", "-o", archive, "made"]);
  await daemon.ok(["tar", "-C", folder, "-xf", archive]);
  const [{ Layers }] = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const layers = (Layers as string[]).map((path) => entriesOf(readFileSync(join(folder, path))));
  rmSync(folder, { recursive: true });
  return layers;
}

/** A line for each entry; what has no time of its own has that of the build. */
function entriesOf(tar: Uint8Array): string[] {
  const lines: string[] = [];
  let content: Bun.CryptoHasher;
  let current: TarEntry;
  const reader = new TarReader({
    entry(entry) {
      current = entry;
      content = new Bun.CryptoHasher("md5");
    },
    data: (bytes) => void content.update(bytes),
    end() {
      const { type, name, linkName, mode, uid, gid, mtime } = current;
      const time = mtime.seconds >= BEGAN ? "now" : `${mtime.seconds}.${mtime.nanoseconds}`;
      const facts = [type, linkName, mode.toString(8), uid, gid, time, content.digest("hex")];
      lines.push(`${JSON.stringify(name)} ${facts.join(" ")}`);
    },
  });
  reader.push(tar);
  reader.finish();
  return lines;
}
