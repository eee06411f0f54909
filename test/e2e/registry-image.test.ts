import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "../harness/certificate.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(120_000);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth" });
});
afterAll(async () => {
  await daemon.stop();
});

test("run -d -p 5000:5000 registry:2, without any network", async () => {
  await daemon.ok(["berth", "image", "bootstrap", "registry"], { seconds: 100 });
  const port = daemon.port();
  await daemon.ok([
    "docker",
    "run",
    "-d",
    "-p",
    `127.0.0.1:${port}:5000`,
    "--name",
    "registry",
    "registry:2",
  ]);
  await eventually("the registry answers", async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
  const tag = await daemon.ok([
    "docker",
    "run",
    "--rm",
    "--entrypoint",
    "htpasswd",
    "registry:2",
    "-Bbn",
    "u",
    "p",
  ]);
  expect(tag.stdout).toMatch(/^u:\$2y\$05\$/);
  await daemon.ok(["docker", "rm", "-fv", "registry"]);
});

test("with users, TLS, a folder for the data and a collection, as Docker's documentation runs it", async () => {
  const folder = join(daemon.scope.directory, "registry");
  for (const name of ["auth", "certs", "data"]) mkdirSync(join(folder, name), { recursive: true });
  const inImage = (...words: string[]) => daemon.ok(["docker", "run", "--rm", ...words]);
  const user = await inImage("--entrypoint", "htpasswd", "registry:2", "-Bbn", "testuser", "testpassword");
  writeFileSync(join(folder, "auth/htpasswd"), user.stdout);
  await selfSigned(join(folder, "certs"), "domain", "127.0.0.1");
  const port = daemon.port();
  const settings = {
    REGISTRY_AUTH: "htpasswd",
    REGISTRY_AUTH_HTPASSWD_REALM: "Registry Realm",
    REGISTRY_AUTH_HTPASSWD_PATH: "/auth/htpasswd",
    REGISTRY_HTTP_TLS_CERTIFICATE: "/certs/domain.crt",
    REGISTRY_HTTP_TLS_KEY: "/certs/domain.key",
    REGISTRY_HTTP_SECRET: "anything",
  };
  await daemon.ok([
    ...["docker", "run", "-d", "--restart=always", "--name", "secured", "-p", `127.0.0.1:${port}:5000`],
    ...[
      "-v",
      `${folder}/auth:/auth`,
      "-v",
      `${folder}/certs:/certs`,
      "-v",
      `${folder}/data:/var/lib/registry`,
    ],
    ...Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    "registry:2",
  ]);
  const curl = ["curl", "-sS", "-i", "--cacert", join(folder, "certs/domain.crt")];
  const url = `https://127.0.0.1:${port}/v2/`;
  const answer = async (...words: string[]) => (await daemon.run([...curl, ...words, url])).stdout;
  await eventually("the registry answers", async () => (await answer()).includes("401 Unauthorized"));
  expect(await answer()).toContain('WWW-Authenticate: Basic realm="Registry Realm"');
  const known = await answer("-u", "testuser:testpassword");
  expect(known).toContain("200 OK");
  expect(known).toContain("X-Content-Type-Options: nosniff");
  const image = `127.0.0.1:${port}/team/registry:2`;
  await daemon.ok(["docker", "tag", "registry:2", image]);
  expect((await daemon.run(["docker", "push", image])).exitCode).toBe(1);
  await daemon.ok(["docker", "login", "-u", "testuser", "-p", "testpassword", `127.0.0.1:${port}`]);
  await daemon.ok(["docker", "push", image]);
  const config = "/etc/docker/registry/config.yml";
  const collected = await daemon.ok(["docker", "exec", "secured", "bin/registry", "garbage-collect", config]);
  expect(collected.stdout).toContain("removed 0 blobs");
  await daemon.ok(["docker", "restart", "secured"]);
  await daemon.ok(["docker", "rmi", image]);
  await eventually("it answers again", async () => (await answer()).includes("401"));
  await daemon.ok(["docker", "pull", image]);
  const log = (await daemon.ok(["docker", "logs", "secured"])).stdout;
  expect(log).toMatch(
    /^\d+\.\d+\.\d+\.\d+ - testuser \[.*"PUT \/v2\/team\/registry\/manifests\/2 HTTP\/1\.1" 201/m,
  );
  expect((await inImage("registry:2", "--version")).stdout).toMatch(/^registry berth v\d/);
  await daemon.ok(["docker", "rm", "-fv", "secured"]);
});
