/** Settings of Docker's registry, in its file and its variables: each does what its documentation says. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  S3TestServer,
  TEST_CREDENTIALS,
} from "../../packages/registry/src/server/storage/s3/s3-server.test-helper.ts";
import {
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
  startUpload,
  verifyImage,
} from "../conformance/registry/pusher.ts";
import { freePort, RegistryProcess } from "../conformance/registry/server.ts";
import { selfSigned } from "../harness/certificate.ts";
import { run, runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { createScope, releaseScope, type Scope } from "../harness/scope.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

let registry: RegistryProcess | undefined;
let scope: Scope | undefined;
afterEach(async () => {
  await registry?.[Symbol.asyncDispose]();
  registry = undefined;
  if (scope !== undefined) releaseScope(scope);
  scope = undefined;
});

const folder = () => {
  scope ??= createScope();
  return scope.directory;
};

async function start(configuration: string, env: Record<string, string> = {}, flags: string[] = []) {
  const file = join(folder(), "config.yml");
  writeFileSync(file, configuration);
  registry = await RegistryProcess.start("berth", { flags: [file, ...flags], env });
  return registry;
}

const logOf = () => readFileSync(registry!.logFile, "utf8");

/** The registry does not start. @returns what it says. */
async function refusal(configuration: string, env: Record<string, string> = {}): Promise<string> {
  const file = join(folder(), "config.yml");
  writeFileSync(file, configuration);
  const ended = await run(
    [BERTH, "registry", "serve", "--storage", folder(), "--addr", "127.0.0.1:0", file],
    {
      env: { PATH: process.env.PATH!, ...env },
      seconds: 20,
    },
  );
  expect(ended.exitCode).toBe(1);
  return ended.stderr;
}

const basic = (user: string, password: string) => ({ Authorization: `Basic ${btoa(`${user}:${password}`)}` });

test("headers of responses, by file and variable; OPTIONS asks without credentials", async () => {
  const users = join(folder(), "users");
  await runOk([BERTH, "registry", "htpasswd", "-Bbc", users, "ann", "secret"]);
  const { url } = await start("version: 0.1\nhttp:\n  headers:\n    X-Content-Type-Options: [nosniff]\n", {
    "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin": '["https://ui.example"]',
    REGISTRY_AUTH: "htpasswd",
    REGISTRY_AUTH_HTPASSWD_REALM: "Registry Realm",
    REGISTRY_AUTH_HTPASSWD_PATH: users,
  });
  const refused = await fetch(`${url}/v2/`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe('Basic realm="Registry Realm"');
  expect(refused.headers.get("x-content-type-options")).toBe("nosniff");
  expect(refused.headers.get("access-control-allow-origin")).toBe("https://ui.example");
  const asked = await fetch(`${url}/v2/a/tags/list`, { method: "OPTIONS" });
  expect(asked.status).toBe(200);
  expect(asked.headers.get("allow")).toBe("GET");
  expect(asked.headers.get("access-control-allow-origin")).toBe("https://ui.example");
});

test("a section as YAML in a variable; what is no setting is left alone and said", async () => {
  const port = await freePort();
  const { url } = await start("version: 0.1\nlog: {level: info}\n", {
    REGISTRY_HTTP_DEBUG: `{addr: "127.0.0.1:${port}", prometheus: {enabled: true, path: /numbers}}`,
    REGISTRY_STORAGE_CACHE: "{blobdescriptor: inmemory}",
    REGISTRY_STORAGE_DELETE_ENABLED: "false",
    // Kubernetes makes such variables for a service with the name `registry`.
    REGISTRY_PORT: "tcp://10.0.0.1:5000",
    REGISTRY_SERVICE_HOST: "10.0.0.1",
  });
  expect((await fetch(`http://127.0.0.1:${port}/numbers`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
  expect((await fetch(`${url}/v2/a/manifests/x`, { method: "DELETE" })).status).toBe(405);
  expect(logOf()).toContain("REGISTRY_SERVICE_HOST");
});

test("what would be another registry without it is refused", async () => {
  expect(await refusal("http: {tls: {letsencrypt: {email: a@example.com}}}\n")).toContain(
    "http.tls.letsencrypt is not supported",
  );
  expect(await refusal("auth: {silly: {realm: a, service: b}}\n")).toContain("auth.silly is not supported");
  expect(await refusal("version: 0.1\n", { REGISTRY_STORAGE: "azure" })).toContain(
    "storage.azure is not supported",
  );
  expect(await refusal("version: 0.1\n", { REGISTRY_STORAGE: "s3" })).toContain("storage.s3 needs a bucket");
  expect(await refusal("storage: {filesystem: {rootdirectory: /x, nonsense: 1}}\n")).toContain(
    "unknown setting storage.filesystem.nonsense",
  );
  expect(await refusal("http: {tls: {minimumtls: tls1.0}}\n")).toContain("tls1.0 is not tls1.2 or tls1.3");
});

test("the users' file is read again when it changes; hashes of other kinds are ignored; a missing one is made", async () => {
  const users = join(folder(), "users");
  const htpasswd = (...words: string[]) => runOk([BERTH, "registry", "htpasswd", "-Bb", ...words]);
  await htpasswd("-c", users, "ann", "secret");
  writeFileSync(users, `${readFileSync(users, "utf8")}old:$apr1$abc$def\n`);
  const { url } = await start("version: 0.1\n", {}, ["--htpasswd", users]);
  const status = async (user: string, password: string) =>
    (await fetch(`${url}/v2/`, { headers: basic(user, password) })).status;
  expect(await status("ann", "secret")).toBe(200);
  expect(await status("old", "x")).toBe(401);
  expect(await status("bob", "b")).toBe(401);
  await htpasswd(users, "bob", "b");
  expect(await status("bob", "b")).toBe(200);
  // Apache's htpasswd and Docker's registry look at 72 bytes.
  await htpasswd(users, "long", "x".repeat(100));
  expect(await status("long", "x".repeat(72))).toBe(200);
  writeFileSync(users, "nonsense\n");
  expect(await status("bob", "b")).toBe(200);
  await registry![Symbol.asyncDispose]();
  rmSync(users);
  const made = await start("version: 0.1\n", {}, ["--htpasswd", users]);
  const password = /user=docker password=(\S+)/.exec(logOf())![1]!;
  expect((await fetch(`${made.url}/v2/`)).status).toBe(401);
  expect((await fetch(`${made.url}/v2/`, { headers: basic("docker", password) })).status).toBe(200);
  expect(existsSync(users)).toBe(true);
});

test("an address is of one registry, with TLS too; what is wrong with TLS is said", async () => {
  const at = folder();
  await selfSigned(at, "tls");
  const tls = ["--tls-cert", join(at, "tls.crt"), "--tls-key", join(at, "tls.key")];
  registry = await RegistryProcess.start("berth", { flags: tls, https: true });
  const again = async (...flags: string[]) => {
    const ended = await run([BERTH, "registry", "serve", "--storage", join(at, "other"), ...flags], {
      seconds: 20,
    });
    expect(ended.exitCode).toBe(1);
    return ended.stderr;
  };
  expect(await again("--addr", registry.address, ...tls)).toContain(`cannot listen on ${registry.address}`);
  expect(await again("--addr", registry.address)).toContain(`cannot listen on ${registry.address}`);
  const wrong = ["--tls-cert", join(at, "tls.crt"), "--tls-key", join(at, "tls.crt")];
  expect(await again("--addr", "127.0.0.1:0", ...wrong)).toContain("with /");
  expect(await again("--addr", "127.0.0.1:0", ...tls, "--tls-ciphers", "NONSENSE")).toContain(
    "NO_CIPHER_MATCH",
  );
  const newest = await RegistryProcess.start("berth", {
    flags: [...tls, "--tls-min", "tls1.3"],
    https: true,
  });
  const handshake = async (version: string) =>
    (
      await run([
        "sh",
        "-c",
        `openssl s_client -connect ${newest.address} -${version} </dev/null 2>/dev/null`,
      ])
    ).stdout;
  expect(await handshake("tls1_3")).toContain("Cipher is TLS_");
  expect(await handshake("tls1_2")).toContain("Cipher is (NONE)");
  await newest[Symbol.asyncDispose]();
});

test("http.net unix and http.prefix", async () => {
  const socket = join(folder(), "registry.sock");
  const child = Bun.spawn(
    [BERTH, "registry", "serve", "--storage", join(folder(), "data"), "--net", "unix", "--addr", socket],
    {
      env: { PATH: process.env.PATH!, REGISTRY_HTTP_PREFIX: "/my/registry/" },
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  try {
    const ask = (path: string, method = "GET") => fetch(`http://x${path}`, { unix: socket, method });
    await eventually("it answers", async () => (await ask("/my/registry/v2/")).status === 200);
    expect((await ask("/v2/")).status).toBe(404);
    const begun = await ask("/my/registry/v2/a/blobs/uploads/", "POST");
    expect(begun.status).toBe(202);
    const location = begun.headers.get("location")!;
    expect(location).toStartWith("/my/registry/v2/a/blobs/uploads/");
    expect((await ask(location)).status).toBe(204);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});

test("health.file takes the registry out of rotation", async () => {
  const sick = join(folder(), "sick");
  const { url } = await start(`health: {file: [{file: ${sick}, interval: 20ms}]}\n`);
  expect((await fetch(`${url}/v2/`)).status).toBe(200);
  writeFileSync(sick, "");
  await eventually("it is 503", async () => (await fetch(`${url}/v2/`)).status === 503);
  const { errors } = (await (await fetch(`${url}/v2/`)).json()) as {
    errors: { code: string; detail: string }[];
  };
  expect(errors[0]).toMatchObject({
    code: "UNAVAILABLE",
    detail: "health check failed: please see /debug/health",
  });
  rmSync(sick);
  await eventually("it is back", async () => (await fetch(`${url}/v2/`)).status === 200);
});

interface Told {
  action: string;
  target: {
    digest?: string;
    tag?: string;
    size?: number;
    url?: string;
    references?: object[];
    fromRepository?: string;
  };
  request: { method: string; useragent: string };
  actor: { name?: string };
}

test("notifications: what happens is told, in order, until the endpoint took it", async () => {
  const told: Told[] = [];
  let refuse = 2;
  const headers: (string | null)[] = [];
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      if (refuse-- > 0) return new Response(null, { status: 500 });
      headers.push(request.headers.get("content-type"), request.headers.get("x-me"));
      told.push(...((await request.json()) as { events: Told[] }).events);
      return new Response(null);
    },
  });
  try {
    const { url } = await start(`notifications:
  events: {includereferences: true}
  endpoints:
    - {name: me, url: "http://127.0.0.1:${listener.port}/events", timeout: 1s, threshold: 5, backoff: 10ms, headers: {X-Me: [you]}, ignore: {mediatypes: [application/x-none], actions: []}}
    - {name: off, disabled: true, url: "http://127.0.0.1:1/"}
`);
    const { layer, manifest } = await pushImage(url, "a/b", "v1");
    await fetch(`${url}/v2/a/b/manifests/v1`, {
      headers: { Accept: OCI_MANIFEST, "User-Agent": "tester/1" },
    });
    await fetch(`${url}/v2/a/b/blobs/${layer.digest}`);
    await fetch(`${url}/v2/c/blobs/uploads/?mount=${layer.digest}&from=a/b`, { method: "POST" });
    await fetch(`${url}/v2/a/b/manifests/v1`, { method: "DELETE" });
    await fetch(`${url}/v2/a/b/manifests/${manifest.digest}`, { method: "DELETE" });
    await eventually("all is told", () => told.length === 8);
    expect(told.map(({ action }) => action)).toEqual([
      ...["push", "push", "push", "pull", "pull", "mount", "delete", "delete"],
    ]);
    expect(told[2]!.target).toMatchObject({
      mediaType: OCI_MANIFEST,
      repository: "a/b",
      tag: "v1",
      digest: manifest.digest,
      size: manifest.bytes.byteLength,
      url: `${url}/v2/a/b/manifests/${manifest.digest}`,
    });
    expect(told[2]!.target.references).toHaveLength(2);
    expect(told[3]!.request).toMatchObject({ method: "GET", useragent: "tester/1" });
    expect(told[5]!.target).toMatchObject({ repository: "c", fromRepository: "a/b", size: 1000 });
    expect(told[6]!.target).toEqual({ repository: "a/b", tag: "v1" } as never);
    expect(told[7]!.target).toEqual({ repository: "a/b", digest: manifest.digest } as never);
    expect(headers.slice(0, 2)).toEqual(["application/vnd.docker.distribution.events.v1+json", "you"]);
  } finally {
    await listener.stop(true);
  }
});

test("uploadpurging.enabled: false leaves uploads that stand still; true removes them", async () => {
  const collect = (enabled: boolean) =>
    runOk([
      BERTH,
      "registry",
      "gc",
      "--storage",
      registry!.root,
      "--upload-age",
      "1h",
      `--purge-uploads=${enabled}`,
    ]);
  const { url, root } = await start("version: 0.1\n");
  const location = await startUpload(url, "a");
  const upload = join(root, "docker/registry/v2/repositories/a/_uploads", location.split("/").at(-1)!);
  const old = Date.now() / 1000 - 7200;
  utimesSync(join(upload, "data"), old, old);
  expect((await collect(false)).stdout).toContain("0 uploads");
  expect((await fetch(location)).status).toBe(204);
  expect((await collect(true)).stdout).toContain("1 uploads");
  expect((await fetch(location)).status).toBe(404);
});

test("validation.manifests.urls, catalog.maxentries, log.formatter and log.fields", async () => {
  const { url } = await start(`log: {formatter: json, fields: {service: mine}, level: info}
catalog: {maxentries: 1}
validation: {manifests: {urls: {allow: ["^https://layers\\\\.example/"]}}}
`);
  expect(JSON.parse(logOf().split("\n")[0]!)).toMatchObject({ service: "mine", level: "info" });
  const config = someContent(10);
  await pushBlob(url, "a", config);
  const put = (from: string) => {
    const layer = {
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: `sha256:${"1".repeat(64)}`,
      size: 5,
    };
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: "application/x.c", digest: config.digest, size: 10 },
      layers: [{ ...layer, urls: [from] }],
    });
    return putManifest(url, "a", "x", { bytes: new TextEncoder().encode(text), digest: "" });
  };
  expect((await put("https://evil.example/l")).status).toBe(400);
  expect((await put("https://layers.example/l")).status).toBe(201);
  expect((await fetch(`${url}/v2/_catalog?n=2`)).status).toBe(400);
  expect((await fetch(`${url}/v2/_catalog`)).status).toBe(200);
});

test("the token service is named as the client called the registry", async () => {
  const users = join(folder(), "users");
  await runOk([BERTH, "registry", "htpasswd", "-Bbc", users, "ann", "secret"]);
  const { url, address } = await start("version: 0.1\n", {}, ["--htpasswd", users, "--tokens"]);
  const realm = async (headers: Record<string, string>) =>
    /realm="([^"]*)"/.exec((await fetch(`${url}/v2/`, { headers })).headers.get("www-authenticate")!)![1];
  expect(await realm({})).toBe(`http://${address}/token`);
  expect(await realm({ "X-Forwarded-Proto": "https", "X-Forwarded-Host": "reg.example" })).toBe(
    "https://reg.example/token",
  );
  expect(await realm({ Forwarded: 'for=1.2.3.4;proto=https;host="reg.example:8443"' })).toBe(
    "https://reg.example:8443/token",
  );
  expect(await realm({ "X-Forwarded-Host": 'x",service="evil' })).toBe(`http://${address}/token`);
});

test("S3 by variables, over a file that names a folder; downloads from the bucket when that is asked for", async () => {
  const bucket = new S3TestServer();
  try {
    const { url, root } = await start(
      "version: 0.1\nstorage: {filesystem: {rootdirectory: /nowhere/at/all}}\n",
      {
        REGISTRY_STORAGE: "s3",
        REGISTRY_STORAGE_S3_BUCKET: "images",
        REGISTRY_STORAGE_S3_REGION: "us-east-1",
        REGISTRY_STORAGE_S3_REGIONENDPOINT: bucket.endpoint.replace("http://", ""),
        REGISTRY_STORAGE_S3_SECURE: "false",
        REGISTRY_STORAGE_S3_ACCESSKEY: TEST_CREDENTIALS.accessKey,
        REGISTRY_STORAGE_S3_SECRETKEY: TEST_CREDENTIALS.secretKey,
        REGISTRY_STORAGE_S3_ROOTDIRECTORY: "/registry",
        REGISTRY_STORAGE_S3_ENCRYPT: "true",
        REGISTRY_STORAGE_S3_CHUNKSIZE: "5242880",
        REGISTRY_STORAGE_REDIRECT_DISABLE: "false",
      },
    );
    const { layer } = await pushImage(url, "a", "v1", 6_000_000);
    await verifyImage(url, "a", "v1");
    const answer = await fetch(`${url}/v2/a/blobs/${layer.digest}`, { redirect: "manual" });
    expect(answer.status).toBe(307);
    expect(answer.headers.get("location")).toStartWith(
      `${bucket.endpoint}/images/registry/docker/registry/v2/blobs/`,
    );
    expect([...bucket.objects.keys()].every((key) => key.startsWith("registry/docker/registry/v2/"))).toBe(
      true,
    );
    const blob = [...bucket.made].find(([key]) => key.endsWith(`${layer.digest.slice(7)}/data`))!;
    expect(blob[1].get("x-amz-server-side-encryption")).toBe("AES256");
    expect([...new Bun.Glob("**").scanSync({ cwd: root })]).toEqual([]);
  } finally {
    await bucket.stop();
  }
});
