/** What the settings of `berth registry serve` do: TLS, users, rights, tokens, limits, reload, drain, metrics. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pushBlob, pushImage, someContent, startUpload, withDigest } from "../conformance/registry/pusher.ts";
import { freePort, RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
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
const start = async (flags: string[], more = {}) => {
  registry = await RegistryProcess.start("berth", { flags, ...more });
  return registry;
};
const basic = (user: string, password: string) => ({ Authorization: `Basic ${btoa(`${user}:${password}`)}` });

async function usersFile(...names: string[]): Promise<string> {
  const file = join(folder(), "users");
  for (const name of names) await runOk([BERTH, "registry", "htpasswd", "-Bb", file, name, `${name}-secret`]);
  return file;
}

async function certificates(): Promise<string> {
  const at = join(folder(), "tls");
  mkdirSync(at);
  const openssl = (...words: string[]) => runOk(["openssl", ...words], { cwd: at });
  await openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  writeFileSync(join(at, "san"), "subjectAltName=IP:127.0.0.1\n");
  for (const name of ["server", "server2", "client"]) {
    await openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
    );
    await openssl(
      "x509",
      "-req",
      "-days",
      "2",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-extfile",
      "san",
      "-out",
      `${name}.crt`,
    );
  }
  return at;
}

test("TLS, a new certificate after SIGHUP, certificates of clients", async () => {
  const at = await certificates();
  const pair = (name: string) => {
    for (const kind of ["crt", "key"])
      writeFileSync(join(at, `live.${kind}`), readFileSync(join(at, `${name}.${kind}`)));
  };
  pair("server");
  const tls = ["--tls-cert", join(at, "live.crt"), "--tls-key", join(at, "live.key")];
  const { address } = await start(tls, { https: true });
  const subject = async () =>
    (
      await runOk([
        "sh",
        "-c",
        `openssl s_client -connect ${address} </dev/null 2>/dev/null | openssl x509 -noout -subject`,
      ])
    ).stdout;
  const curl = ["curl", "-sS", "--cacert", join(at, "ca.crt"), `https://${address}/v2/`];
  expect((await runOk(curl)).stdout).toBe("{}");
  expect(await subject()).toContain("CN = server\n");
  pair("server2");
  registry!.signal("SIGHUP");
  await eventually("the new certificate is served", async () => (await subject()).includes("server2"));
  await registry![Symbol.asyncDispose]();
  const mutual = await start([...tls, "--tls-client-ca", join(at, "ca.crt")], { https: true });
  const asked = ["curl", "-sS", "--cacert", join(at, "ca.crt"), `https://${mutual.address}/v2/`];
  await expect(runOk(asked)).rejects.toThrow();
  const mine = ["--cert", join(at, "client.crt"), "--key", join(at, "client.key")];
  expect((await runOk([...asked, ...mine])).stdout).toBe("{}");
});

test("users and rights for each repository, read again at SIGHUP", async () => {
  const users = await usersFile("ann", "bob");
  const rights = join(folder(), "rights.yml");
  writeFileSync(
    rights,
    "groups:\n  team: [ann]\nrules:\n  - repositories: ['team/**']\n    groups: [team]\n    actions: [pull, push]\n  - repositories: ['public/*']\n    anonymous: true\n    actions: [pull]\n  - repositories: ['public/*']\n    users: ['*']\n    actions: ['*']\n",
  );
  const { url } = await start(["--htpasswd", users, "--rights", rights]);
  const status = async (path: string, method: string, headers: Record<string, string> = {}) =>
    (await fetch(url + path, { method, headers })).status;
  const ann = basic("ann", "ann-secret");
  const bob = basic("bob", "bob-secret");
  const refused = await fetch(`${url}/v2/`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe('Basic realm="Registry"');
  expect(await status("/v2/", "GET", ann)).toBe(200);
  expect(await status("/v2/", "GET", basic("ann", "wrong"))).toBe(401);
  expect(await status("/v2/", "GET", basic("eve", "ann-secret"))).toBe(401);
  expect(await status("/v2/team/a/blobs/uploads/", "POST", ann)).toBe(202);
  expect(await status("/v2/team/a/blobs/uploads/", "POST", bob)).toBe(403);
  expect(await status("/v2/team/a/manifests/x", "GET")).toBe(401);
  expect(await status("/v2/public/a/manifests/x", "GET")).toBe(404);
  expect(await status("/v2/public/a/blobs/uploads/", "POST")).toBe(401);
  expect(await status("/v2/public/a/blobs/uploads/", "POST", bob)).toBe(202);
  expect(await status("/v2/team/a/manifests/x", "DELETE", ann)).toBe(403);
  writeFileSync(rights, "rules:\n  - repositories: ['**']\n    users: [bob]\n    actions: ['*']\n");
  registry!.signal("SIGHUP");
  await eventually(
    "the new rights count",
    async () => (await status("/v2/team/a/blobs/uploads/", "POST", bob)) === 202,
  );
  expect(await status("/v2/team/a/blobs/uploads/", "POST", ann)).toBe(403);
  // What cannot be read changes nothing.
  writeFileSync(rights, "rules: nonsense\n");
  registry!.signal("SIGHUP");
  await eventually("it is in the log", () =>
    readFileSync(registry!.logFile, "utf8").includes("configuration stays as it was"),
  );
  expect(await status("/v2/team/a/blobs/uploads/", "POST", bob)).toBe(202);
});

test("its own tokens: scopes are cut to the rights; refresh tokens; a mount needs the right to pull", async () => {
  const users = await usersFile("ann", "bob");
  const rights = join(folder(), "rights.yml");
  const rule = (pattern: string, user: string, actions: string) =>
    `  - { repositories: ["${pattern}"], users: [${user}], actions: [${actions}] }\n`;
  writeFileSync(rights, `rules:\n${rule("a/*", "ann", "pull, push")}${rule("**", "bob", '"*"')}`);
  const { url } = await start(["--htpasswd", users, "--rights", rights, "--tokens"]);
  const challenge = (await fetch(`${url}/v2/a/b/blobs/uploads/`, { method: "POST" })).headers.get(
    "www-authenticate",
  );
  expect(challenge).toBe(`Bearer realm="${url}/token",service="registry",scope="repository:a/b:pull,push"`);
  const ask = async (scope: string, headers: Record<string, string>) =>
    (await (
      await fetch(`${url}/token?service=registry&offline_token=true&scope=${scope}`, { headers })
    ).json()) as {
      token: string;
      refresh_token: string;
    };
  const { token, refresh_token } = await ask("repository:a/b:pull,push,delete", basic("ann", "ann-secret"));
  const claims = JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
  expect(claims.access).toEqual([{ type: "repository", name: "a/b", actions: ["pull", "push"] }]);
  const bearer = (value: string) => ({ Authorization: `Bearer ${value}` });
  const post = (name: string, value: string) =>
    fetch(`${url}/v2/${name}/blobs/uploads/`, { method: "POST", headers: bearer(value) });
  expect((await post("a/b", token)).status).toBe(202);
  expect((await post("a/c", token)).status).toBe(401);
  expect((await post("a/b", `${token}x`)).status).toBe(401);
  expect((await fetch(`${url}/token`, { headers: basic("ann", "no") })).status).toBe(401);
  const body = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token,
    service: "registry",
    scope: "repository:a/c:pull,push",
  });
  const refreshed = (await (await fetch(`${url}/token`, { method: "POST", body })).json()) as {
    access_token: string;
  };
  expect((await post("a/c", refreshed.access_token)).status).toBe(202);
  const secret = someContent(100);
  const bob = await ask("repository:secret:pull,push", basic("bob", "bob-secret"));
  const whole = `${url}/v2/secret/blobs/uploads/?digest=${secret.digest}`;
  const stored = await fetch(whole, {
    method: "POST",
    body: secret.bytes as Uint8Array<ArrayBuffer>,
    headers: bearer(bob.token),
  });
  expect(stored.status).toBe(201);
  // Mounting would be reading: ann gets an upload instead.
  const mount = await fetch(`${url}/v2/a/b/blobs/uploads/?mount=${secret.digest}&from=secret`, {
    method: "POST",
    headers: bearer(token),
  });
  expect(mount.status).toBe(202);
  // A refresh token opens nothing by itself.
  expect((await post("a/b", refresh_token)).status).toBe(401);
  // It ends with the password.
  await runOk([BERTH, "registry", "htpasswd", "-Bb", users, "ann", "another"]);
  expect((await fetch(`${url}/token`, { method: "POST", body })).status).toBe(401);
});

test("tokens of a service elsewhere, by JSON Web Key Set", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwks = join(folder(), "jwks.json");
  writeFileSync(
    jwks,
    JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", use: "sig" }] }),
  );
  const token = (claims: object, alg = "RS256") => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = Math.floor(Date.now() / 1000);
    const data = `${part({ alg, kid: "k1" })}.${part({ iss: "issuer", aud: "here", sub: "ann", exp: now + 60, ...claims })}`;
    const signature =
      alg === "none" ? "" : sign("sha256", Buffer.from(data), privateKey).toString("base64url");
    return { Authorization: `Bearer ${data}.${signature}` };
  };
  const access = [{ type: "repository", name: "x", actions: ["pull"] }];
  const { url } = await start([
    ...["--token-realm", "https://auth.example/token", "--token-service", "here"],
    ...["--token-issuer", "issuer", "--token-jwks", jwks],
  ]);
  const challenge = (await fetch(`${url}/v2/x/manifests/a`)).headers.get("www-authenticate");
  expect(challenge).toBe(
    'Bearer realm="https://auth.example/token",service="here",scope="repository:x:pull"',
  );
  const get = async (headers: Record<string, string>) =>
    (await fetch(`${url}/v2/x/manifests/a`, { headers })).status;
  expect(await get(token({ access }))).toBe(404);
  expect(await get(token({ access: [] }))).toBe(401);
  expect(await get(token({ access, iss: "other" }))).toBe(401);
  expect(await get(token({ access, aud: "there" }))).toBe(401);
  expect(await get(token({ access, exp: 1000 }))).toBe(401);
  expect(await get(token({ access }, "none"))).toBe(401);
});

test("keys at a URL are asked for again when a token has a new one, not at every wrong token", async () => {
  const keys = ["k1", "k2"].map((kid) => ({ kid, ...generateKeyPairSync("ec", { namedCurve: "P-256" }) }));
  let served = [keys[0]!];
  let asked = 0;
  const service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch() {
      asked++;
      return Response.json({
        keys: served.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: "jwk" }), kid })),
      });
    },
  });
  const token = (index: number) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: "issuer", aud: "here", sub: "ann", exp: Math.floor(Date.now() / 1000) + 60 };
    const data = `${part({ alg: "ES256", kid: keys[index]!.kid })}.${part(claims)}`;
    const key = { key: keys[index]!.privateKey, dsaEncoding: "ieee-p1363" } as const;
    return {
      Authorization: `Bearer ${data}.${sign("sha256", Buffer.from(data), key).toString("base64url")}`,
    };
  };
  try {
    const { url } = await start([
      ...[
        "--token-realm",
        "https://auth.example/token",
        "--token-service",
        "here",
        "--token-issuer",
        "issuer",
      ],
      ...["--token-jwks", `http://127.0.0.1:${service.port}/keys`],
    ]);
    const status = async (index: number) => (await fetch(`${url}/v2/`, { headers: token(index) })).status;
    expect(await status(0)).toBe(200);
    served = keys;
    expect(await Promise.all([status(1), status(1), status(1)])).toEqual([200, 200, 200]);
    for (let count = 0; count < 20; count++)
      await fetch(`${url}/v2/`, { headers: { Authorization: "Bearer a.b.c" } });
    expect(asked).toBe(2);
  } finally {
    await service.stop(true);
  }
});

test("limits of size and rate", async () => {
  const { url } = await start([
    "--max-blob-size",
    "1k",
    "--max-manifest-size",
    "500",
    "--rate",
    "1",
    "--rate-burst",
    "12",
  ]);
  await expect(pushBlob(url, "a", someContent(1025))).rejects.toThrow("413");
  await pushBlob(url, "a", someContent(1024));
  const big = await fetch(`${url}/v2/a/manifests/x`, { method: "PUT", body: "x".repeat(501) });
  expect(big.status).toBe(413);
  const answers = await Promise.all(Array.from({ length: 15 }, () => fetch(`${url}/v2/`)));
  const refused = answers.find(({ status }) => status === 429)!;
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(((await refused.json()) as { errors: { code: string }[] }).errors[0]!.code).toBe("TOOMANYREQUESTS");
});

test("read-only, metrics, health, the access log as JSON, settings from file and environment", async () => {
  const port = await freePort();
  const config = join(folder(), "config.yml");
  writeFileSync(
    config,
    `version: 0.1\nhttp:\n  debug:\n    addr: 127.0.0.1:${port}\nlog:\n  accesslog:\n    format: json\n`,
  );
  const { url } = await start([config], { env: { REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED: "true" } });
  expect((await fetch(`${url}/v2/a/blobs/uploads/`, { method: "POST" })).status).toBe(405);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(metrics).toContain('berth_registry_requests_total{method="POST",route="uploads",status="405"} 1');
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  await eventually("the access log has it", () =>
    readFileSync(registry!.logFile, "utf8")
      .split("\n")
      .some((line) => line.startsWith("{") && JSON.parse(line).target === "/v2/a/blobs/uploads/"),
  );
});

test("SIGTERM lets a request end", async () => {
  const { url } = await start([]);
  await pushImage(url, "a", "v1");
  const content = someContent(1000);
  const location = withDigest(await startUpload(url, "a"), content.digest);
  const gate = Promise.withResolvers<void>();
  async function* slowly() {
    yield content.bytes.subarray(0, 10);
    await gate.promise;
    yield content.bytes.subarray(10);
  }
  const put = fetch(location, {
    method: "PUT",
    body: slowly() as never,
    headers: { "Content-Type": "application/octet-stream" },
  });
  await eventually("the upload has begun", async () => {
    const files = [...new Bun.Glob("**/_uploads/*/data").scanSync({ cwd: registry!.root })];
    return files.some((file) => Bun.file(join(registry!.root, file)).size === 10);
  });
  registry!.signal("SIGTERM");
  await eventually("it stops", () =>
    readFileSync(registry!.logFile, "utf8").includes("registry is stopping"),
  );
  gate.resolve();
  expect((await put).status).toBe(201);
  expect(await registry!.ended()).toBe(0);
});
