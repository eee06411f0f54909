/** Clients that mean harm: the registry stays small, answers others, and mistakes nothing. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, utimesSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  indexOf,
  manifestOf,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
} from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { createScope, releaseScope } from "../harness/scope.ts";

setDefaultTimeout(120_000);

let registry: RegistryProcess | undefined;
afterEach(async () => {
  await registry?.[Symbol.asyncDispose]();
  registry = undefined;
});

const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

/** Sends bytes as they are. @returns all that comes back until the line ends. */
async function raw(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect(port, "127.0.0.1");
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(text));
  for (const part of parts) {
    if (socket.destroyed) break;
    if (!socket.write(part))
      await new Promise<void>((go) => {
        socket.once("drain", go);
        socket.once("close", go);
      });
  }
  return await promise;
}

const statusOf = (answer: string): number => Number(answer.split(" ")[1]);

test("a form without end at the token service does not fill the memory", async () => {
  const scope = createScope();
  const users = join(scope.directory, "users");
  await runOk([BERTH, "registry", "htpasswd", "-Bbc", users, "ann", "secret"]);
  registry = await RegistryProcess.start("berth", { flags: ["--htpasswd", users, "--tokens"] });
  const before = residentMegabytes(registry.pid);
  const piece = new Uint8Array(1 << 20);
  const head = "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  const chunk = [`${piece.byteLength.toString(16)}\r\n`, piece, "\r\n"];
  const endless = await raw(
    registry.port,
    `${head}Transfer-Encoding: chunked\r\n\r\n`,
    ...Array.from({ length: 300 }, () => chunk).flat(),
    "0\r\n\r\n",
  );
  // The line may be cut before the answer was read.
  expect(["", "413"]).toContain(endless.split(" ")[1] ?? "");
  const long = await raw(
    registry.port,
    `${head}Content-Length: ${300 << 20}\r\n\r\n`,
    ...Array.from({ length: 300 }, () => piece),
  );
  expect(["", "413"]).toContain(long.split(" ")[1] ?? "");
  expect(residentMegabytes(registry.pid) - before).toBeLessThan(150);
  releaseScope(scope);
});

test("a request without a host is answered by its path (HTTP/1.0), one that smuggles another is refused", async () => {
  registry = await RegistryProcess.start("berth");
  const { port, url } = registry;
  await pushImage(url, "a", "v1");
  expect(await raw(port, "GET /v2/a/tags/list HTTP/1.0\r\n\r\n")).toContain('{"name":"a","tags":["v1"]}');
  expect(await raw(port, "GET /v2/ HTTP/1.0\r\n\r\n")).toContain("registry/2.0");
  const host = "Host: x\r\nConnection: close\r\n";
  // The host is not the beginning of the path.
  expect(
    await raw(port, "GET /v2/ HTTP/1.1\r\nHost: x/v2/a/tags/list?\r\nConnection: close\r\n\r\n"),
  ).not.toContain("tags");
  const post = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\n";
  for (const headers of [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 0\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Content-Length: +5\r\n",
  ]) {
    const answer = await raw(port, `${post}${host}${headers}\r\n0\r\n\r\nGET /v2/ HTTP/1.1\r\n${host}\r\n`);
    expect(statusOf(answer)).toBe(400);
    expect(answer.split("HTTP/1.1").length).toBe(2);
  }
  expect(statusOf(await raw(port, `GET /v2/ HTTP/1.1\r\n${host}X: ${"a".repeat(100_000)}\r\n\r\n`))).toBe(
    431,
  );
});

test("names and digests that lead elsewhere lead nowhere", async () => {
  registry = await RegistryProcess.start("berth");
  const { port, root } = registry;
  for (const path of [
    "/v2/../../../../etc/passwd/tags/list",
    "/v2/%2e%2e/%2e%2e/etc/tags/list",
    "/v2/a%2f..%2f..%2fetc/tags/list",
    "/v2/a/blobs/sha256:../../../../../../etc/passwd",
    "/v2/a/blobs/sha256%3A..%2F..%2Fetc",
    "/v2/a/manifests/..%2F..%2Fx",
    "/v2/a/blobs/uploads/..%2F..%2F..%2Fx",
    "/v2/_berth/tags/list",
    "/v2/a/_uploads/tags/list",
    `/v2/${"a/".repeat(300)}tags/list`,
    "/v2/a%00b/tags/list",
  ]) {
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect([400, 404]).toContain(statusOf(answer));
  }
  expect([...new Bun.Glob("docker/registry/v2/repositories/**").scanSync({ cwd: root })]).toEqual([]);
});

test("annotations of any size do not make a list of any size", async () => {
  registry = await RegistryProcess.start("berth");
  const { url } = registry;
  const { manifest, config } = await pushImage(url, "a", "v1");
  const subject = { mediaType: OCI_MANIFEST, digest: manifest.digest, size: manifest.bytes.byteLength };
  const all: string[] = [];
  for (let index = 0; index < 12; index++) {
    const big = manifestOf(config, [], { subject, annotations: { big: String(index).repeat(1_000_000) } });
    expect((await putManifest(url, "a", big.digest, big)).status).toBe(201);
    all.push(big.digest);
  }
  const found: string[] = [];
  let next: string | undefined = `/v2/a/referrers/${manifest.digest}`;
  while (next !== undefined) {
    const page: Response = await fetch(url + next);
    const text = await page.text();
    expect(text.length).toBeLessThan(6 << 20);
    found.push(
      ...(JSON.parse(text) as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest),
    );
    next = /<([^>]+)>/.exec(page.headers.get("link") ?? "")?.[1];
  }
  expect(found).toEqual(all.sort());
});

test("thousands of uploads that are begun and left do not hinder others", async () => {
  registry = await RegistryProcess.start("berth", { flags: ["--access-log", "none"] });
  const { url, pid } = registry;
  const before = residentMegabytes(pid);
  for (let round = 0; round < 60; round++)
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        expect((await fetch(`${url}/v2/many/blobs/uploads/`, { method: "POST" })).status).toBe(202);
      }),
    );
  expect(residentMegabytes(pid) - before).toBeLessThan(150);
  await pushImage(url, "many", "v1");
});

test("an index makes what it names as new as itself, so that a collection at work leaves it", async () => {
  registry = await RegistryProcess.start("berth");
  const { url, root } = registry;
  const config = someContent(10);
  await pushBlob(url, "a", config);
  const manifest = manifestOf(config, []);
  await putManifest(url, "a", manifest.digest, manifest);
  const link = join(
    root,
    `docker/registry/v2/repositories/a/_manifests/revisions/sha256/${manifest.digest.slice(7)}/link`,
  );
  const old = Date.now() / 1000 - 86_400;
  utimesSync(link, old, old);
  const index = indexOf([manifest]);
  expect((await putManifest(url, "a", "v1", index, OCI_INDEX)).status).toBe(201);
  expect(Date.now() - statSync(link).mtimeMs).toBeLessThan(60_000);
});
