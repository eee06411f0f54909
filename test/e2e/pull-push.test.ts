/** Pull and push with Debian's docker-registry; what is expected here is what Docker's engine says (BERTH_TEST_ENGINE=docker). */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { startDockerRegistry, type TestRegistry } from "../harness/docker-registry.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { writeLayout } from "../harness/oci-layout.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

let daemon: Daemon;
let registry: TestRegistry;
let guarded: TestRegistry;
let folder = "";
const isBerth = engineOfThisRun() === "berth";

beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  folder = join(daemon.scope.directory, "registries");
  const prefix = daemon.hostPrefix;
  registry = await startDockerRegistry({ folder: join(folder, "open"), prefix });
  guarded = await startDockerRegistry({ folder: join(folder, "guarded"), prefix, users: { joe: "secret" } });
}, 120_000);
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await guarded?.[Symbol.asyncDispose]();
  await daemon.stop();
}, 60_000);

const lines = (text: string) => text.trimEnd().split("\n");
const DIGEST = /sha256:[0-9a-f]{64}/;

/** An image of two layers, under a name. */
async function make(name: string): Promise<void> {
  await daemon.out("run", "--name", "maker", "busybox", "sh", "-c", "echo hi > /made; mkdir -m 700 /private");
  await daemon.out("commit", "-c", "LABEL made=here", "maker", name);
  await daemon.out("rm", "maker");
}

test("push, again, to another repository; remove, pull, again; run what came", async () => {
  const name = `${registry.host}/lib/app:1`;
  await make(name);
  const pushed = lines(await daemon.out("push", name));
  expect(pushed[0]).toBe(`The push refers to repository [${registry.host}/lib/app]`);
  const ids = pushed.slice(1, 3).map((line) => line.replace(": Preparing", ""));
  expect(ids.every((id) => /^[0-9a-f]{12}$/.test(id))).toBe(true);
  expect(pushed.slice(3, -1).sort()).toEqual(ids.map((id) => `${id}: Pushed`).sort());
  const digest = DIGEST.exec(pushed.at(-1)!)![0];
  expect(pushed.at(-1)).toMatch(/^1: digest: sha256:[0-9a-f]{64} size: \d+$/);

  const again = lines(await daemon.out("push", name));
  expect(again.slice(3, -1).sort()).toEqual(ids.map((id) => `${id}: Layer already exists`).sort());
  expect(again.at(-1)).toBe(pushed.at(-1)!);

  const other = `${registry.host}/other/app:2`;
  await daemon.out("tag", name, other);
  const mounted = lines(await daemon.out("push", other));
  expect(mounted.slice(3, -1).sort()).toEqual(ids.map((id) => `${id}: Mounted from lib/app`).sort());
  expect(await daemon.out("inspect", "-f", "{{json .RepoDigests}}", name)).toContain(
    `${registry.host}/lib/app@${digest}`,
  );
  const id = await daemon.out("inspect", "-f", "{{.Id}}", name);

  await daemon.out("rmi", name, other);
  const pulled = lines(await daemon.out("pull", name));
  expect(pulled[0]).toBe("1: Pulling from lib/app");
  // busybox is still there.
  expect(pulled.filter((line) => line.endsWith(": Pull complete"))).toHaveLength(1);
  expect(pulled.filter((line) => line.endsWith(": Already exists"))).toHaveLength(1);
  expect(pulled.slice(-3)).toEqual([`Digest: ${digest}`, `Status: Downloaded newer image for ${name}`, name]);
  expect(await daemon.out("inspect", "-f", "{{.Id}}", name)).toBe(id);
  expect(lines(await daemon.out("pull", name))).toEqual([
    "1: Pulling from lib/app",
    `Digest: ${digest}`,
    `Status: Image is up to date for ${name}`,
    name,
  ]);
  expect(await daemon.out("run", "--rm", name, "cat", "/made")).toBe("hi");
  expect(await daemon.out("run", "--rm", name, "stat", "-c", "%a", "/private")).toBe("700");
  const byDigest = `${registry.host}/lib/app@${digest}`;
  expect(lines(await daemon.out("pull", byDigest))[0]).toBe(`${byDigest}: Pulling from lib/app`);
});

test("all tags, the implicit pull of run, --pull, distribution, events", async () => {
  const repository = `${registry.host}/tags/app`;
  await daemon.out("tag", "busybox", `${repository}:a`);
  await daemon.out("tag", "busybox", `${repository}:b`);
  const pushed = await daemon.out("push", "--all-tags", repository);
  expect(pushed).toContain("a: digest: ");
  expect(pushed).toContain("b: digest: ");
  await daemon.out("rmi", `${repository}:a`, `${repository}:b`);
  const pulled = await daemon.out("pull", "--all-tags", repository);
  expect(pulled).toContain(`Status: Downloaded newer image for ${repository}`);
  expect(await daemon.out("images", "--format", "{{.Tag}}", repository)).toBe("a\nb".split("\n").join("\n"));

  await daemon.out("rmi", `${repository}:a`);
  const missing = await daemon.docker("run", "--rm", "--pull", "never", `${repository}:a`, "true");
  expect(missing.stderr).toContain("No such image");
  const run = await daemon.docker("run", "--rm", `${repository}:a`, "echo", "ran");
  expect(run).toMatchObject({ exitCode: 0, stdout: "ran\n" });
  expect(run.stderr).toContain(`Unable to find image '${repository}:a' locally`);
  const always = await daemon.docker("run", "--rm", "--pull", "always", `${repository}:a`, "true");
  expect(always.stderr).toContain(`Status: Image is up to date for ${repository}:a`);

  // The command line asks for whole seconds: what happened in this one comes with the next.
  await eventually("the events of pull and push", async () => {
    const events = await daemon.out(
      ...["events", "--since", "1h", "--until", "0s", "--filter", "type=image"],
      ...["--format", '{{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "name"}}'],
    );
    const expected = [`pull ${repository}:a ${repository}`, `push ${repository} ${repository}`];
    return expected.every((line) => events.includes(line));
  });

  const info = await daemon.api("GET", `/v1.41/distribution/${repository}:a/json`);
  expect(await info.json()).toMatchObject({
    Descriptor: { mediaType: "application/vnd.docker.distribution.manifest.v2+json" },
    Platforms: [{ architecture: "amd64", os: "linux" }],
  });
});

test("an index: create --platform pulls when what is there is of another platform", async () => {
  const layout = join(folder, "layout");
  writeLayout(layout, "multi", [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64", variant: "v8" },
  ]);
  const copied = await daemon.host(
    ...["skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false"],
    ...[`oci:${layout}:multi`, `docker://${registry.host}/multi:1`],
  );
  expect(copied).toMatchObject({ exitCode: 0 });
  const name = `${registry.host}/multi:1`;
  const facts = () => daemon.out("inspect", "-f", "{{.Architecture}} {{.Metadata.LastTagTime}}", name);
  await daemon.out("pull", "--platform", "linux/arm64", name);
  // Only who tags an image by himself sets the time.
  expect(await facts()).toBe("arm64 0001-01-01 00:00:00 +0000 UTC");
  const created = await daemon.docker("create", "--platform", "linux/amd64", "--name", "other", name);
  expect(created.stderr).toContain(`Unable to find image '${name}' locally`);
  expect(created.exitCode).toBe(0);
  expect(await facts()).toBe("amd64 0001-01-01 00:00:00 +0000 UTC");
  await daemon.out("rm", "other");
  const none = await daemon.docker("create", "--platform", "linux/s390x", name);
  expect(none.stderr).toContain("no matching manifest for linux/s390x in the manifest list entries");
});

test("sentences of what fails", async () => {
  const fails = async (...words: string[]) => (await daemon.docker20(...words)).stderr.trim();
  const host = registry.host;
  const from = "Error response from daemon: ";
  expect(await fails("pull", `${host}/none:x`)).toBe(
    `${from}manifest for ${host}/none:x not found: manifest unknown: manifest unknown`,
  );
  expect(await fails("pull", "--all-tags", `${host}/none`)).toBe(
    `${from}repository ${host}/none not found: name unknown: repository name not known to registry`,
  );
  expect(await fails("pull", "127.0.0.1:1/x:y")).toBe(
    `${from}Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`,
  );
  expect(await fails("push", `${host}/none:x`)).toBe(
    `An image does not exist locally with the tag: ${host}/none`,
  );
  await daemon.out("tag", "busybox", `${host}/sentences:1`);
  expect(await fails("push", `${host}/sentences:2`)).toBe(`tag does not exist: ${host}/sentences:2`);
  expect(await fails("pull", "--platform", "a/b/c/d", `${host}/none:x`)).toContain(
    "cannot parse platform specifier",
  );
});

test("a registry with passwords", async () => {
  const name = `${guarded.host}/private/app:1`;
  const config = join(folder, "client");
  mkdirSync(config, { recursive: true });
  await daemon.out("tag", "busybox", name);
  const docker = (...words: string[]) => daemon.docker20("--config", config, ...words);
  expect((await docker("push", name)).stderr).toContain("no basic auth credentials");
  expect((await docker("pull", name)).stderr).toContain(
    `Head "http://${guarded.host}/v2/private/app/manifests/1": no basic auth credentials`,
  );
  const wrong = await docker("login", "-u", "joe", "-p", "wrong", guarded.host);
  expect(wrong.stderr).toContain(
    `login attempt to http://${guarded.host}/v2/ failed with status: 401 Unauthorized`,
  );
  expect((await docker("login", "-u", "joe", "-p", "secret", guarded.host)).stdout).toContain(
    "Login Succeeded",
  );
  expect((await docker("push", name)).stdout).toContain("1: digest: sha256:");
  await daemon.out("rmi", name);
  expect((await docker("pull", name)).stdout).toContain(`Status: Downloaded newer image for ${name}`);
});

test.skipIf(!isBerth)(
  "berth's own command line; a pull that survives a killed daemon",
  async () => {
    const name = `${registry.host}/berth/app:1`;
    await daemon.out("tag", "busybox", name);
    const push = await daemon.berth("push", name);
    expect(push.stdout).toContain("1: digest: sha256:");
    await daemon.out("rmi", name);
    expect((await daemon.berth("pull", "-q", name)).stdout).toBe(`${name}\n`);
    await daemon.out("rmi", name);
    const run = await daemon.berth("run", "--rm", "--pull", "missing", name, "echo", "ran");
    expect(run).toMatchObject({ exitCode: 0, stdout: "ran\n" });

    // Large enough to be still on its way when the daemon is killed.
    const noise = join(folder, "noise");
    mkdirSync(noise, { recursive: true });
    for (let n = 0; n < 8; n++) {
      const bytes = Buffer.alloc(8 << 20);
      for (let at = 0; at < bytes.length; at += 65_536)
        crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      writeFileSync(join(noise, `f${n}`), bytes);
    }
    const large = `${registry.host}/large:1`;
    await daemon.ok(["sh", "-c", `tar -C ${noise} -c . | docker import - ${large}`]);
    await daemon.out("push", large);
    await daemon.out("rmi", large);
    const pulling = daemon.docker("pull", large);
    const parts = join(daemon.dataRoot, "content/partial");
    await eventually("a part of the layer is there", async () => {
      const found = await daemon.run(["sh", "-c", `grep -l '"ranges":\\[\\[0,' ${parts}/*.parts`]);
      return found.exitCode === 0;
    });
    await daemon.kill();
    await pulling;
    await daemon.start();
    expect(await daemon.out("pull", large)).toContain(`Status: Downloaded newer image for ${large}`);
    await daemon.out("rmi", large);
  },
  120_000,
);
