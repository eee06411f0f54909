/** A pull-through cache in front of another registry: Debian's docker-registry. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import {
  S3TestServer,
  TEST_CREDENTIALS,
} from "../../packages/registry/src/server/storage/s3/s3-server.test-helper.ts";
import {
  contentOf,
  manifestOf,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
  verifyBlob,
  verifyImage,
} from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";
import { createScope, releaseScope } from "../harness/scope.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

const started: RegistryProcess[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]();
});

async function pair(ttl: string): Promise<[RegistryProcess, RegistryProcess]> {
  const origin = await RegistryProcess.start("docker-registry");
  started.push(origin);
  const cache = await RegistryProcess.start("berth", {
    flags: ["--proxy", origin.url, "--proxy-tag-ttl", ttl],
  });
  started.push(cache);
  return [origin, cache];
}

test("what was pulled through is served without the origin", async () => {
  const [origin, cache] = await pair("0s");
  const { layer, manifest } = await pushImage(origin.url, "a/b", "v1", 3_000_000);
  await verifyImage(cache.url, "a/b", "v1");
  const ranged = await fetch(`${cache.url}/v2/a/b/blobs/${layer.digest}`, {
    headers: { Range: "bytes=5-9" },
  });
  expect(ranged.status).toBe(206);
  expect(await ranged.bytes()).toEqual(layer.bytes.slice(5, 10));
  await origin.kill();
  await verifyImage(cache.url, "a/b", "v1");
  await verifyImage(cache.url, "a/b", manifest.digest);
  await verifyBlob(cache.url, "a/b", layer.digest);
  expect((await fetch(`${cache.url}/v2/a/b/manifests/other`)).status).toBe(502);
});

test("a tag that moved is seen when it is older than the TTL; unknown ones are 404; changes are refused", async () => {
  const [origin, cache] = await pair("0s");
  const one = await pushImage(origin.url, "a", "v1");
  await verifyImage(cache.url, "a", "v1");
  const two = await pushImage(origin.url, "a", "v2");
  await putManifest(origin.url, "a", "v1", two.manifest);
  const moved = await fetch(`${cache.url}/v2/a/manifests/v1`);
  expect(moved.headers.get("docker-content-digest")).toBe(two.manifest.digest);
  expect(one.manifest.digest).not.toBe(two.manifest.digest);
  expect((await fetch(`${cache.url}/v2/a/manifests/nope`)).status).toBe(404);
  expect((await fetch(`${cache.url}/v2/a/blobs/sha256:${"0".repeat(64)}`)).status).toBe(404);
  expect((await fetch(`${cache.url}/v2/a/blobs/uploads/`, { method: "POST" })).status).toBe(405);
});

test("within the TTL a tag is not asked for again", async () => {
  const [origin, cache] = await pair("1h");
  const one = await pushImage(origin.url, "a", "v1");
  await verifyImage(cache.url, "a", "v1");
  const two = await pushImage(origin.url, "a", "v2");
  await putManifest(origin.url, "a", "v1", two.manifest);
  const same = await fetch(`${cache.url}/v2/a/manifests/v1`);
  expect(same.headers.get("docker-content-digest")).toBe(one.manifest.digest);
});

interface Origin extends AsyncDisposable {
  url: string;
  /** Requests for blobs, by `method path range`. */
  asked: string[];
  /** Bytes after which each answer for a blob breaks off; undefined: never. */
  cut?: number | undefined;
  /** Blobs are held back while it is set. */
  gate?: Promise<void> | undefined;
  /** Sent instead of every answer. */
  refusal?: { status: number; headers?: Record<string, string> } | undefined;
}

/** A registry in front of which one can listen, break lines and refuse. */
async function watchedOrigin(to: RegistryProcess): Promise<Origin> {
  const origin: Origin = { url: "", asked: [], [Symbol.asyncDispose]: async () => {} };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!;
    const { refusal } = origin;
    if (refusal !== undefined) {
      response.writeHead(refusal.status, { "Content-Type": "application/json", ...refusal.headers });
      response.end('{"errors":[{"code":"UNKNOWN","message":"no"}]}');
      return;
    }
    const { range, accept = "*/*" } = request.headers;
    const got = await fetch(to.url + path, {
      method: request.method!,
      headers: { Accept: accept, ...(range !== undefined && { Range: range }) },
    });
    const isBlob = path.includes("/blobs/") && request.method === "GET";
    const { cut, gate } = origin;
    if (isBlob) origin.asked.push(`${path.split("/").at(-1)} ${range ?? "whole"}`);
    response.writeHead(got.status, Object.fromEntries(got.headers));
    const bytes = new Uint8Array(await got.arrayBuffer());
    response.write(bytes.subarray(0, 1000));
    if (isBlob) await gate;
    if (isBlob && cut !== undefined && cut < bytes.byteLength)
      response.write(bytes.subarray(1000, cut), () => response.destroy());
    else response.end(bytes.subarray(1000));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  origin[Symbol.asyncDispose] = async () => {
    server.closeAllConnections();
    server.close();
  };
  return origin;
}

async function watchedPair(flags: string[] = []) {
  const registry = await RegistryProcess.start("docker-registry");
  started.push(registry);
  const origin = await watchedOrigin(registry);
  const cache = await RegistryProcess.start("berth", { flags: ["--proxy", origin.url, ...flags] });
  started.push(cache);
  return { registry, origin, cache };
}

test("who asks for a blob while it is fetched shares the fetch, and parts of it too", async () => {
  const { registry, origin, cache } = await watchedPair();
  await using _origin = origin;
  const { layer } = await pushImage(registry.url, "a", "v1", 6_000_000);
  const gate = Promise.withResolvers<void>();
  origin.gate = gate.promise;
  const blob = `${cache.url}/v2/a/blobs/${layer.digest}`;
  const whole = Array.from({ length: 5 }, async () => contentOf(await (await fetch(blob)).bytes()).digest);
  const part = fetch(blob, { headers: { Range: "bytes=2000000-2000009" } });
  // One goes away; the others do not care.
  const leaving = new AbortController();
  const left = fetch(blob, { signal: leaving.signal }).then((answer) => answer.bytes());
  await eventually("the origin was asked", () => origin.asked.length > 0);
  leaving.abort();
  await left.catch(() => {});
  expect((await fetch(blob, { method: "HEAD" })).headers.get("content-length")).toBe("6000000");
  gate.resolve();
  for (const each of whole) expect(await each).toBe(layer.digest);
  const ranged = await part;
  expect(ranged.status).toBe(206);
  expect(await ranged.bytes()).toEqual(layer.bytes.slice(2_000_000, 2_000_010));
  expect(origin.asked).toEqual([`${layer.digest} whole`]);
  await registry.kill();
  await verifyBlob(cache.url, "a", layer.digest);
});

test("a line to the other registry that breaks goes on where it broke", async () => {
  const { registry, origin, cache } = await watchedPair();
  await using _origin = origin;
  const { layer } = await pushImage(registry.url, "a", "v1", 3_000_000);
  origin.cut = 1_200_000;
  await verifyBlob(cache.url, "a", layer.digest);
  expect(origin.asked.length).toBeGreaterThan(1);
  expect(origin.asked[1]).toMatch(/ bytes=\d+-$/);
});

test("content that is not what its digest says is neither kept nor ended well", async () => {
  const { registry, origin, cache } = await watchedPair();
  await using _origin = origin;
  const { layer } = await pushImage(registry.url, "a", "v1", 2_000_000);
  const files = [
    ...new Bun.Glob(`**/${layer.digest.slice(7)}/data`).scanSync({ cwd: registry.root, absolute: true }),
  ];
  await Bun.write(files[0]!, new Uint8Array(2_000_000));
  const answer = fetch(`${cache.url}/v2/a/blobs/${layer.digest}`).then((response) => response.bytes());
  await expect(answer).rejects.toThrow();
  expect([...new Bun.Glob(`**/${layer.digest.slice(7)}/*`).scanSync({ cwd: cache.root })]).toEqual([]);
});

test("what the other registry refuses is told as such", async () => {
  const { origin, cache } = await watchedPair();
  await using _origin = origin;
  const status = async () => (await fetch(`${cache.url}/v2/a/manifests/v1`)).status;
  origin.refusal = { status: 403 };
  expect(await status()).toBe(403);
  origin.refusal = { status: 404 };
  expect(await status()).toBe(404);
});

test("tags and what refers to a manifest are those of the other registry, and known when it is gone", async () => {
  const origin = await RegistryProcess.start("berth");
  started.push(origin);
  const cache = await RegistryProcess.start("berth", { flags: ["--proxy", origin.url] });
  started.push(cache);
  const { manifest, config } = await pushImage(origin.url, "a", "v1");
  await pushImage(origin.url, "a", "v2");
  const subject = { mediaType: OCI_MANIFEST, digest: manifest.digest, size: manifest.bytes.byteLength };
  const signature = manifestOf(config, [], { subject, artifactType: "application/x.signature" });
  expect((await putManifest(origin.url, "a", signature.digest, signature)).status).toBe(201);
  const json = async (path: string) => await (await fetch(cache.url + path)).json();
  const referrers = async () =>
    (
      (await json(`/v2/a/referrers/${manifest.digest}?artifactType=application/x.signature`)) as {
        manifests: { digest: string }[];
      }
    ).manifests.map(({ digest }) => digest);
  expect(await json("/v2/a/tags/list")).toEqual({ name: "a", tags: ["v1", "v2"] });
  expect(await referrers()).toEqual([signature.digest]);
  expect((await fetch(`${cache.url}/v2/none/tags/list`)).status).toBe(404);
  await verifyImage(cache.url, "a", "v1");
  await verifyImage(cache.url, "a", signature.digest);
  await origin.kill();
  expect(await json("/v2/a/tags/list")).toEqual({ name: "a", tags: ["v1"] });
  expect(await referrers()).toEqual([signature.digest]);
});

test("what nobody asked for during the TTL goes, what is used stays", async () => {
  const { registry, origin, cache } = await watchedPair();
  await using _origin = origin;
  const used = await pushImage(registry.url, "a", "used", 1000);
  const unused = await pushImage(registry.url, "a", "unused", 1000);
  for (const tag of ["used", "unused"]) await verifyImage(cache.url, "a", tag);
  const ago = (hex: string, seconds: number) => {
    const time = Date.now() / 1000 - seconds;
    for (const file of new Bun.Glob(`**/${hex}/{link,data}`).scanSync({ cwd: cache.root, absolute: true }))
      utimesSync(file, time, time);
  };
  for (const { manifest, layer, config } of [used, unused])
    for (const { digest } of [manifest, layer, config]) ago(digest.slice(7), 8 * 86_400);
  await verifyImage(cache.url, "a", "used");
  const collect = [BERTH, "registry", "gc", "--storage", cache.root, "--proxy", origin.url];
  expect((await runOk([...collect, "--proxy-ttl", "240h"])).stdout).toContain("0 manifests");
  expect((await runOk(collect)).stdout).toContain("removed 3 blobs");
  await registry.kill();
  await verifyImage(cache.url, "a", "used");
  expect((await fetch(`${cache.url}/v2/a/manifests/unused`)).status).toBe(502);
});

test("a cache on S3 shares fetches too", async () => {
  const bucket = new S3TestServer();
  const { accessKey, secretKey } = TEST_CREDENTIALS;
  const keys = ["--s3-access-key", accessKey, "--s3-secret-key", secretKey];
  const { registry, origin, cache } = await watchedPair([
    ...["--s3-bucket", "images", "--s3-endpoint", bucket.endpoint, ...keys],
  ]);
  await using _origin = origin;
  const content = someContent(3_000_000);
  await pushBlob(registry.url, "a", content);
  const gate = Promise.withResolvers<void>();
  origin.gate = gate.promise;
  const all = Array.from({ length: 3 }, () => verifyBlob(cache.url, "a", content.digest));
  await eventually("the origin was asked", () => origin.asked.length > 0);
  gate.resolve();
  await Promise.all(all);
  expect(origin.asked).toHaveLength(1);
  await verifyBlob(cache.url, "a", content.digest);
  expect(origin.asked).toHaveLength(1);
  await bucket.stop();
});

test("memory stays flat while a large layer comes, faster than it is written and for nobody", async () => {
  const origin = await RegistryProcess.start("berth");
  started.push(origin);
  const cache = await RegistryProcess.start("berth", { flags: ["--proxy", origin.url] });
  started.push(cache);
  const megabytes = 300;
  const bytes = new Uint8Array(megabytes << 20);
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const content = contentOf(bytes);
  await pushBlob(origin.url, "a", content);
  const most = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${cache.pid}/status`, "utf8"))![1]) / 1024;
  const before = most();
  const leaving = new AbortController();
  const answer = await fetch(`${cache.url}/v2/a/blobs/${content.digest}`, { signal: leaving.signal });
  await answer.body!.getReader().read();
  leaving.abort();
  await eventually(
    "it is kept",
    () => [...new Bun.Glob(`**/${content.digest.slice(7)}/link`).scanSync({ cwd: cache.root })].length > 0,
    60,
  );
  expect(most() - before).toBeLessThan(megabytes / 2);
});

test("the other registry is asked with the cache's credentials, and for no more than pulling", async () => {
  const scope = createScope();
  const users = join(scope.directory, "users");
  const rights = join(scope.directory, "rights.yml");
  for (const name of ["reader", "writer"])
    await runOk([BERTH, "registry", "htpasswd", "-Bb", users, name, "secret"]);
  const rule = (user: string, actions: string) =>
    `  - {repositories: ["**"], users: [${user}], actions: ${actions}}\n`;
  writeFileSync(rights, `rules:\n${rule("reader", "[pull]")}${rule("writer", '["*"]')}`);
  for (const tokens of [[], ["--tokens"]]) {
    const origin = await RegistryProcess.start("berth", {
      flags: ["--htpasswd", users, "--rights", rights, ...tokens],
    });
    started.push(origin);
    const archive = await imageArchive("busybox");
    await runOk([
      ...["skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "writer:secret"],
      ...[`docker-archive:${archive}`, `docker://${origin.address}/a/busybox:1`],
    ]);
    const cacheOf = async (user: string) => {
      const login = ["--proxy-username", user, "--proxy-password", "secret"];
      const cache = await RegistryProcess.start("berth", { flags: ["--proxy", origin.url, ...login] });
      started.push(cache);
      return cache;
    };
    const cache = await cacheOf("reader");
    await verifyImage(cache.url, "a/busybox", "1");
    const head = await fetch(`${cache.url}/v2/a/busybox/manifests/1`, { method: "HEAD" });
    expect(head.status).toBe(200);
    const stranger = await cacheOf("stranger");
    expect((await fetch(`${stranger.url}/v2/a/busybox/manifests/1`)).status).toBe(403);
  }
  releaseScope(scope);
});
