/** A folder of Docker's registry is served by Berth's, and the other way round. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import {
  indexOf,
  manifestOf,
  OCI_INDEX,
  OCI_MANIFEST,
  pushImage,
  putManifest,
  verifyBlob,
  verifyImage,
} from "../conformance/registry/pusher.ts";
import { type RegistryName, RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(60_000);

const started: RegistryProcess[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]();
});
async function start(name: RegistryName): Promise<RegistryProcess> {
  const registry = await RegistryProcess.start(name);
  started.push(registry);
  return registry;
}

for (const [from, to] of [
  ["docker-registry", "berth"],
  ["berth", "docker-registry"],
] as const) {
  test(`from ${from} to ${to}`, async () => {
    const old = await start(from);
    const { layer, manifest } = await pushImage(old.url, "team/app", "v1", 100_000);
    await pushImage(old.url, "other", "v2");
    await old.kill();
    const now = await start(to);
    // Without the socket of `berth registry gc`.
    cpSync(old.root, now.root, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await verifyImage(now.url, "team/app", "v1");
    await verifyImage(now.url, "team/app", manifest.digest);
    await verifyImage(now.url, "other", "v2");
    expect(await (await fetch(`${now.url}/v2/_catalog`)).json()).toEqual({
      repositories: ["other", "team/app"],
    });
    expect(await (await fetch(`${now.url}/v2/team/app/tags/list`)).json()).toEqual({
      name: "team/app",
      tags: ["v1"],
    });
    await pushImage(now.url, "team/app", "v3");
    if (to === "docker-registry") return;
    const collect = () => runOk([BERTH, "registry", "gc", "--storage", now.root, "--gc-grace", "0s"]);
    await collect();
    await verifyImage(now.url, "team/app", "v1");
    await verifyBlob(now.url, "team/app", layer.digest);
    await fetch(`${now.url}/v2/team/app/manifests/${manifest.digest}`, { method: "DELETE" });
    await eventually("the layer is collected", async () => {
      await collect();
      return (await fetch(`${now.url}/v2/team/app/blobs/${layer.digest}`)).status === 404;
    });
    await verifyImage(now.url, "team/app", "v3");
  });
}

test("what refers to a manifest is known when clients kept the list under a tag", async () => {
  const before = await start("docker-registry");
  const { manifest, config } = await pushImage(before.url, "a", "v1");
  const subject = { mediaType: OCI_MANIFEST, digest: manifest.digest, size: manifest.bytes.byteLength };
  const signature = manifestOf(config, [], { subject, artifactType: "application/x.signature" });
  const other = manifestOf(config, []);
  for (const each of [signature, other]) await putManifest(before.url, "a", each.digest, each);
  // The list that clients keep in a registry without referrers; `other` is in it, but does not say so itself.
  const list = indexOf([signature, other]);
  const tag = manifest.digest.replace(":", "-");
  expect((await putManifest(before.url, "a", tag, list, OCI_INDEX)).status).toBe(201);
  await before.kill();
  const after = await RegistryProcess.start("berth", { flags: ["--storage", before.root] });
  started.push(after);
  const referrers = async (query = "") =>
    (
      (await (await fetch(`${after.url}/v2/a/referrers/${manifest.digest}${query}`)).json()) as {
        manifests: { digest: string; artifactType?: string }[];
      }
    ).manifests;
  expect(await referrers()).toMatchObject([
    { digest: signature.digest, artifactType: "application/x.signature" },
  ]);
  expect(await referrers("?artifactType=application/x.other")).toEqual([]);
  const later = manifestOf(config, [], { subject, artifactType: "application/x.later" });
  await putManifest(after.url, "a", later.digest, later);
  expect((await referrers()).map(({ digest }) => digest)).toEqual([signature.digest, later.digest].sort());
  // Pushed again it is still one.
  await putManifest(after.url, "a", signature.digest, signature);
  expect(await referrers()).toHaveLength(2);
});
