/** What buildx relies on beside the image: stores of its own, subrequests, pushes, files behind URLs. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { startDockerRegistry } from "../harness/docker-registry.ts";
import { engineOfThisRun } from "../harness/engine.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PLUGINS = join(ROOT, ".cache/trixie/root/usr/libexec/docker/cli-plugins");
const hasBuildx = existsSync(join(PLUGINS, "docker-buildx"));
if (!hasBuildx) console.error("no buildx in .cache (tools/setup.sh test fetches it): its tests are skipped");
const isBerth = engineOfThisRun() === "berth";

// A deadline of Bun's own would end the daemon with the test.
setDefaultTimeout(120_000);

let daemon: Daemon;
let folder: string;
let plugins: Record<string, string>;

beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
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

describe.if(hasBuildx && isBerth)("buildx", () => {
  const buildx = (...words: string[]) =>
    daemon.run(["docker", "buildx", "build", "--progress", "plain", ...words, folder], {
      env: plugins,
      seconds: 60,
    });

  test("a cache in a folder of the client is written, and read again", async () => {
    const made = await buildx("-t", "cached:1", "--cache-to", `type=local,dest=${at("cache")},mode=max`);
    expect(made).toMatchObject({ exitCode: 0 });
    expect(readdirSync(at("cache"))).toContain("index.json");
    await daemon.ok(["docker", "rmi", "cached:1"]);
    await daemon.ok(["docker", "builder", "prune", "-af"]);
    const again = await buildx("-t", "cached:2", "--cache-from", `type=local,src=${at("cache")}`);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stderr).toMatch(/#\d+ \[2\/3\] RUN date.*\n#\d+ CACHED/);
    expect(again.stderr.match(/importing cache manifest/g)).toHaveLength(1);
  });

  test("names outside ASCII, as old and new clients understand them", async () => {
    writeFileSync(join(folder, "ü 日本"), "1");
    const file = dockerfile("Names", 'FROM busybox\nCOPY ["ü 日本", "/t/"]\n');
    expect(await buildx("-f", join(folder, file))).toMatchObject({ exitCode: 0 });
    const old = ["docker20", "build", "-f", join(folder, file), folder];
    expect(await daemon.run(old, { env: { DOCKER_BUILDKIT: "1" } })).toMatchObject({ exitCode: 0 });
  });

  test("an OCI layout into a folder of the client", async () => {
    const out = at("layout");
    const made = await buildx("-o", `type=oci,tar=false,dest=${out}`, "-t", "a/b:c");
    expect(made).toMatchObject({ exitCode: 0 });
    const index = JSON.parse(readFileSync(join(out, "index.json"), "utf8"));
    const manifest = index.manifests[0].digest.slice("sha256:".length);
    expect(existsSync(join(out, "blobs/sha256", manifest))).toBe(true);
    await daemon.ok(["skopeo", "inspect", "--override-os", "linux", `oci:${out}`]);
    const file = join(folder, dockerfile("OnLayout", "FROM base\nRUN ls /src > /listed\n"));
    const built = await buildx(
      "-f",
      file,
      "--build-context",
      `base=oci-layout://${out}:latest`,
      "-t",
      "on-layout",
    );
    expect(built).toMatchObject({ exitCode: 0 });
    expect((await daemon.ok(["docker", "run", "--rm", "on-layout", "cat", "/listed"])).stdout).toBe("a\n");
  });

  test("a failure shows the lines around its own; transfers end", async () => {
    const file = dockerfile("Missing", "FROM busybox\n# about it\nCOPY nope /x\nCMD a\n");
    const failed = await buildx("-f", join(folder, file));
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain("   2 |     # about it\n   3 | >>> COPY nope /x\n   4 |     CMD a\n");
    expect(failed.stderr).toEndWith(
      'ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref: "/nope": not found\n',
    );
    expect(failed.stderr).toMatch(/#1 transferring dockerfile: \d+B (?:\d\.\ds )?done\n/);
  });

  test("attestations of a kind that there is not are refused", async () => {
    const refused = await buildx("--attest", "type=other");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('unknown attestation type "other"');
  });

  test("what a Dockerfile is asked about without a build", async () => {
    const env = { ...plugins, BUILDX_EXPERIMENTAL: "1" };
    const asked = (...words: string[]) =>
      daemon.run(["docker", "buildx", "build", ...words, folder], { env, seconds: 60 });
    const file = join(
      folder,
      dockerfile("Asked", "FROM busybox AS one\n# V what it is\nARG V=7\nFROM one\n"),
    );
    const [targets, outline, all] = await Promise.all([
      asked("-f", file, "--print", "targets"),
      asked("-f", file, "--print", "outline"),
      asked("-f", file, "--print", "subrequests.describe"),
    ]);
    expect(targets.stdout).toBe("TARGET    DESCRIPTION\none       \n(default) \n");
    expect(outline.stdout.trim()).toBe("BUILD ARG   VALUE   DESCRIPTION\nV           7       what it is");
    expect(all.stdout).toMatch(/^outline +1.0.0/m);
    const own = await daemon.berth("build", "--call", "targets", "-f", file, folder);
    expect(own.stdout).toBe(targets.stdout);
    const json = await daemon.berth("build", "--call", "outline,format=json", "-f", file, folder);
    expect(JSON.parse(json.stdout).args[0]).toMatchObject({ name: "V", value: "7" });
  });

  test("Dockerfiles and bake files behind URLs are fetched by the daemon", async () => {
    const repository = at("www/r.git");
    const work = at("repository");
    mkdirSync(work);
    writeFileSync(join(work, "Dockerfile"), "FROM busybox\nRUN echo from-git > /made\n");
    writeFileSync(join(work, "docker-bake.json"), '{"target":{"default":{"tags":["remote:bake"]}}}');
    const git = ["git", "-c", "user.email=a@b", "-c", "user.name=n", "-C", work];
    await daemon.ok([...git, "init", "-q", "-b", "main"]);
    await daemon.ok([...git, "add", "-A"]);
    await daemon.ok([...git, "commit", "-qm", "x"]);
    await daemon.ok(["git", "clone", "-q", "--bare", work, repository]);
    await daemon.ok(["git", "-C", repository, "update-server-info"]);
    writeFileSync(at("www/other"), "FROM busybox\nRUN echo from-url > /made\n");
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async ({ url }) => {
        const file = Bun.file(at(join("www", new URL(url).pathname)));
        return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
      },
    });
    const base = `http://127.0.0.1:${server.port}`;
    const made = async (image: string) =>
      (await daemon.ok(["docker", "run", "--rm", image, "cat", "/made"])).stdout;
    expect(await buildx("-t", "from:url", "-f", `${base}/other`)).toMatchObject({ exitCode: 0 });
    expect(await made("from:url")).toBe("from-url\n");
    const own = await daemon.berth("build", "-q", "-t", "from:own", "-f", `${base}/other`, folder);
    expect(own).toMatchObject({ exitCode: 0 });
    expect(await made("from:own")).toBe("from-url\n");
    const baked = await daemon.run(["docker", "buildx", "bake", `${base}/r.git#main`], {
      env: plugins,
      seconds: 60,
    });
    expect(baked).toMatchObject({ exitCode: 0 });
    expect(await made("remote:bake")).toBe("from-git\n");
    const none = await buildx("-f", `${base}/none`);
    expect(none.stderr).toEndWith("ERROR: failed to solve: invalid response status 404\n");
  });

  test("the builder tells which platforms run", async () => {
    const shown = await daemon.ok(["docker", "buildx", "inspect"], { env: plugins });
    if (process.arch === "x64") expect(shown.stdout).toMatch(/Platforms: +linux\/amd64, linux\/386/);
  });
});

describe.if(hasBuildx && isBerth)("buildx pushes", () => {
  test("all platforms and what is attested stay, though it pushes the image again by itself", async () => {
    const users = { me: "secret" };
    await using registry = await startDockerRegistry({
      folder: at("registry"),
      users,
      prefix: daemon.hostPrefix,
    });
    const config = { ...plugins };
    const login = ["docker", "login", "-u", "me", "-p", "secret", registry.host];
    await daemon.ok(login, { env: config });
    const file = join(
      folder,
      dockerfile("Multi", "FROM scratch\nARG TARGETPLATFORM\nLABEL p=$TARGETPLATFORM\nCOPY src /\n"),
    );
    const name = `${registry.host}/multi/app:1`;
    const meta = at("multi.json");
    const words = [
      "--push",
      "--platform",
      "linux/amd64,linux/arm64",
      "-t",
      name,
      "--metadata-file",
      meta,
      "-f",
      file,
    ];
    const pushed = await daemon.run(["docker", "buildx", "build", ...words, folder], {
      env: config,
      seconds: 60,
    });
    expect(pushed).toMatchObject({ exitCode: 0 });
    const raw = await daemon.ok(["docker", "buildx", "imagetools", "inspect", "--raw", name], {
      env: config,
    });
    const index = JSON.parse(raw.stdout) as {
      manifests: { platform: { os: string; architecture: string } }[];
    };
    const platforms = index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`).sort();
    expect(platforms).toEqual(["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]);
    const { "containerimage.digest": digest } = JSON.parse(readFileSync(meta, "utf8"));
    expect(digest).toBe(`sha256:${new Bun.CryptoHasher("sha256").update(raw.stdout).digest("hex")}`);
    await daemon.ok(["docker", "logout", registry.host], { env: config });
  });
});
