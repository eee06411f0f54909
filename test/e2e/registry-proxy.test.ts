/** A pull-through cache in front of another registry: Debian's docker-registry. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { pushImage, putManifest, verifyBlob, verifyImage } from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

const started: RegistryProcess[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]();
});

async function pair(ttl: string): Promise<[RegistryProcess, RegistryProcess]> {
  const origin = await RegistryProcess.start("docker-registry");
  started.push(origin);
  const cache = await RegistryProcess.start("berth", { flags: ["--proxy", origin.url, "--proxy-tag-ttl", ttl] });
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
  // The last bytes may reach the client before they are kept.
  await eventually("the layer is kept", async () => {
    const files = [...new Bun.Glob(`**/${layer.digest.slice(7)}/link`).scanSync({ cwd: cache.root })];
    return files.length > 0;
  });
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
