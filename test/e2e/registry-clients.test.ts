/** Real clients push to and pull from `berth registry serve`. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { verifyImage } from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { baseEnvironment, run, runOk } from "../harness/command.ts";
import { startDaemon } from "../harness/daemon.ts";
import { BERTH } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";

setDefaultTimeout(180_000);

let registry: RegistryProcess;
let archive: string;
let work: string;
let env: Record<string, string>;
beforeAll(async () => {
  archive = await imageArchive("busybox");
  registry = await RegistryProcess.start("berth");
  work = join(registry.scope.directory, "work");
  mkdirSync(work);
  env = baseEnvironment(join(registry.scope.directory, "home"));
  // Podman wants the file to be there when this names its folder.
  delete env.DOCKER_CONFIG;
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

test("skopeo: copy in and out, inspect, list-tags, delete", async () => {
  const image = `docker://${registry.address}/skopeo/busybox`;
  await runOk(["skopeo", "copy", "--dest-tls-verify=false", `docker-archive:${archive}`, `${image}:1`], {
    env,
  });
  await runOk(
    [
      "skopeo",
      "copy",
      "--dest-tls-verify=false",
      "--src-tls-verify=false",
      "--format=oci",
      `${image}:1`,
      `${image}:oci`,
    ],
    { env },
  );
  await verifyImage(registry.url, "skopeo/busybox", "1");
  await verifyImage(registry.url, "skopeo/busybox", "oci");
  const tags = await runOk(["skopeo", "list-tags", "--tls-verify=false", image], { env });
  expect(JSON.parse(tags.stdout).Tags).toEqual(["1", "oci"]);
  const before = await runOk(["skopeo", "inspect", "--tls-verify=false", `${image}:1`], { env });
  expect(JSON.parse(before.stdout).Digest).toMatch(/^sha256:/);
  await runOk(["skopeo", "copy", "--src-tls-verify=false", `${image}:oci`, `oci:${work}/layout:x`], { env });
  await runOk(["skopeo", "delete", "--tls-verify=false", `${image}:oci`], { env });
  const gone = await run(["skopeo", "inspect", "--tls-verify=false", `${image}:oci`], { env });
  expect(gone.exitCode).not.toBe(0);
});

/** Fetched by tools/setup.sh. */
const ORAS = resolve(import.meta.dir, "../../.cache/trixie/root/usr/bin/oras");

test.skipIf(!existsSync(ORAS))("oras: artifacts, what refers to them, copies with all of it", async () => {
  const folder = join(work, "oras");
  mkdirSync(folder);
  writeFileSync(join(folder, "notes.txt"), "hello\n");
  writeFileSync(join(folder, "signature.txt"), "signed\n");
  const oras = async (...words: string[]) => (await runOk([ORAS, ...words], { env, cwd: folder })).stdout;
  const one = `${registry.address}/oras/one`;
  const two = `${registry.address}/oras/two`;
  const http = "--plain-http";
  await oras("push", http, `${one}:v1`, "notes.txt:text/plain", "--artifact-type", "application/x.notes");
  for (const type of ["application/x.signature", "application/x.sbom"])
    await oras("attach", http, "--artifact-type", type, `${one}:v1`, "signature.txt");
  const discovered = async (name: string, ...more: string[]) => {
    const text = await oras("discover", http, "--format", "json", ...more, `${name}:v1`);
    return (JSON.parse(text) as { manifests: { artifactType: string }[] }).manifests
      .map(({ artifactType }) => artifactType)
      .sort();
  };
  expect(await discovered(one)).toEqual(["application/x.sbom", "application/x.signature"]);
  expect(await discovered(one, "--artifact-type", "application/x.sbom")).toEqual(["application/x.sbom"]);
  await oras("cp", "-r", "--from-plain-http", "--to-plain-http", `${one}:v1`, `${two}:v1`);
  expect(await discovered(two)).toHaveLength(2);
  await oras("pull", http, "-o", join(folder, "out"), `${two}:v1`);
  expect(readFileSync(join(folder, "out/notes.txt"), "utf8")).toBe("hello\n");
  await oras("tag", http, `${one}:v1`, "v2");
  expect((await oras("repo", "tags", http, one)).trim().split("\n")).toEqual(["v1", "v2"]);
  await oras("manifest", "delete", http, "-f", `${two}:v1`);
  expect((await run([ORAS, "manifest", "fetch", http, `${two}:v1`], { env })).exitCode).not.toBe(0);
  expect(await discovered(one)).toHaveLength(2);
});

test("podman and buildah: push, pull, a build on top", async () => {
  const storage = ["--root", `${work}/containers`, "--runroot", `${work}/run`, "--storage-driver", "vfs"];
  const podman = ["podman", ...storage];
  const loaded = (await runOk([...podman, "load", "-i", archive], { env })).stdout;
  const busybox = /^Loaded images?: ([^,\s]+)/m.exec(loaded)![1]!;
  const image = `${registry.address}/podman/busybox:1`;
  await runOk([...podman, "push", "--tls-verify=false", busybox, image], { env });
  await runOk([...podman, "rmi", "-fa"], { env });
  await runOk([...podman, "pull", "--tls-verify=false", image], { env });
  const buildah = ["buildah", ...storage];
  const name = (await runOk([...buildah, "from", "--tls-verify=false", image], { env })).stdout.trim();
  writeFileSync(`${work}/file`, "content");
  await runOk([...buildah, "copy", name, `${work}/file`, "/file"], { env });
  await runOk([...buildah, "commit", name, "made"], { env });
  const pushed = `docker://${registry.address}/buildah/made:1`;
  await runOk([...buildah, "push", "--tls-verify=false", "made", pushed], { env });
  await verifyImage(registry.url, "buildah/made", "1");
  await runOk([...buildah, "rm", name], { env });
});

describe("Debian's dockerd", () => {
  for (const docker of ["/usr/local/bin/docker", "/usr/bin/docker"]) {
    test(`${docker}: login, push, pull by tag and digest`, async () => {
      const daemon = await startDaemon({ engine: "docker", images: ["busybox"] });
      const users = join(daemon.scope.directory, "users");
      await runOk([BERTH, "registry", "htpasswd", "-Bbc", users, "ann", "secret"]);
      const prefix = ["nsenter", `--net=/proc/${daemon.pid}/ns/net`, "--"];
      const own = await RegistryProcess.start("berth", {
        prefix,
        flags: ["--htpasswd", users, "--tokens"],
      }).catch(async (error) => {
        await daemon.stop();
        throw error;
      });
      try {
        const image = `${own.address}/team/busybox`;
        const client = [docker, "-H", `unix://${daemon.socket}`];
        const settings = { env: { ...baseEnvironment(join(daemon.scope.directory, "home")) } };
        const command = (words: string[]) => run([...client, ...words], settings);
        await runOk([...client, "tag", "busybox", `${image}:1`], settings);
        const refused = await command(["push", `${image}:1`]);
        expect(refused.exitCode).toBe(1);
        expect(refused.stderr).toContain("denied: requested access to the resource is denied");
        const wrong = await command(["login", "-u", "ann", "-p", "wrong", own.address]);
        expect(wrong.exitCode).toBe(1);
        expect((await command(["login", "-u", "ann", "-p", "secret", own.address])).stdout).toContain(
          "Login Succeeded",
        );
        const pushed = await command(["push", `${image}:1`]);
        expect(pushed.stdout).toContain("digest: sha256:");
        const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed.stdout)![1]!;
        await runOk([...client, "rmi", `${image}:1`], settings);
        expect((await command(["pull", `${image}:1`])).stdout).toContain(digest);
        await runOk([...client, "rmi", `${image}:1`], settings);
        await runOk([...client, "pull", `${image}@${digest}`], settings);
      } finally {
        await own[Symbol.asyncDispose]();
        await daemon.stop();
      }
    });
  }
});

test("Debian's dockerd pulls through a cache, also when the other registry is gone", async () => {
  const daemon = await startDaemon({ engine: "docker", images: ["busybox"] });
  const prefix = daemon.hostPrefix;
  const origin = await RegistryProcess.start("berth", { prefix });
  const cache = await RegistryProcess.start("berth", { prefix, flags: ["--proxy", origin.url] });
  try {
    await daemon.ok(["docker", "tag", "busybox", `${origin.address}/library/busybox:1`]);
    await daemon.ok(["docker", "push", `${origin.address}/library/busybox:1`]);
    const through = `${cache.address}/library/busybox:1`;
    await daemon.run(["docker", "rmi", "-f", "busybox", `${origin.address}/library/busybox:1`]);
    const first = await daemon.ok(["docker", "pull", through]);
    const digest = /Digest: (sha256:[0-9a-f]{64})/.exec(first.stdout)![1]!;
    await origin.kill();
    await daemon.ok(["docker", "rmi", "-f", through]);
    expect((await daemon.ok(["docker", "pull", through])).stdout).toContain(digest);
    const refused = await daemon.run(["docker", "push", through]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("a pull-through cache takes no changes");
  } finally {
    await cache[Symbol.asyncDispose]();
    await origin[Symbol.asyncDispose]();
    await daemon.stop();
  }
});
