/** Real clients push to and pull from `berth registry serve`. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
