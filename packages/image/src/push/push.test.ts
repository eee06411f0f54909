import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { sha256 } from "@berth/base";
import { FakeRegistry } from "@berth/registry/testing";
import { MEDIA_TYPE } from "@berth/spec";
import { dockerArchive, layer } from "../testing/images.test-helper.ts";
import { publishImage } from "../testing/registry.test-helper.ts";
import { collect, never, TestStore } from "../testing/store.test-helper.ts";

setDefaultTimeout(60_000);

let registry: FakeRegistry;
let store: TestStore;
beforeEach(async () => {
  registry = new FakeRegistry();
  store = await TestStore.open();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const layers = [layer("etc/motd", "hello".repeat(1000)), layer("bin/sh", "#!")];
const name = (rest: string) => `${registry.domain}/${rest}`;
const push = (repository: string, tag = "") =>
  collect(store.images.push({ image: name(repository), tag }, never()));
const pull = (reference: string) => collect(store.images.pull({ image: name(reference), tag: "" }, never()));
const done = async (repository: string, tag: string) =>
  (await push(repository, tag))
    .map(({ status }) => status ?? "")
    .filter((each) => /Pushed|exists|Mounted/.test(each));

test("a loaded image: sent, found, mounted; schema 2 of gzip layers; the same bytes each time", async () => {
  await store.load(dockerArchive(layers, [name("a/app:1")]).tar);
  expect(await done("a/app", "1")).toEqual(["Pushed", "Pushed"]);
  expect(await done("a/app", "1")).toEqual(["Layer already exists", "Layer already exists"]);
  await store.images.tag(name("a/app:1"), name("b/app"), "2");
  expect(await done("b/app", "2")).toEqual(["Mounted from a/app", "Mounted from a/app"]);
  const sent = registry.manifests.get("a/app/1")!;
  expect(sent.type).toBe(MEDIA_TYPE.dockerManifest);
  expect(Buffer.from(registry.manifests.get("b/app/2")!.bytes).equals(Buffer.from(sent.bytes))).toBe(true);
  expect(Buffer.from(sent.bytes).toString()).toStartWith('{\n   "schemaVersion": 2,\n   "mediaType"');

  // Another store, which knows nothing of it, makes the same manifest.
  await using other = await TestStore.open();
  await using second = new FakeRegistry();
  await other.load(dockerArchive(layers, [`${second.domain}/a/app:1`]).tar);
  await collect(other.images.push({ image: `${second.domain}/a/app`, tag: "1" }, never()));
  expect(Buffer.from(second.manifests.get("a/app/1")!.bytes).equals(Buffer.from(sent.bytes))).toBe(true);
  expect(store.events.at(-1)).toMatchObject({ action: "push", id: name("b/app:2"), name: name("b/app") });
});

test("an index at the registry that has the image in it stays", async () => {
  await store.load(dockerArchive(layers, [name("multi:1")]).tar);
  await push("multi", "1");
  const manifest = registry.manifests.get("multi/1")!;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociIndex,
      manifests: [
        { mediaType: manifest.type, digest: sha256(manifest.bytes), size: manifest.bytes.byteLength },
      ],
    }),
  );
  const digest = sha256(bytes);
  const index = { ...manifest, type: MEDIA_TYPE.ociIndex, bytes };
  registry.manifests.set("multi/1", index);
  registry.manifests.set(`multi/${digest}`, index);
  // Somebody else's index is overwritten, one that we know to hold the image is not.
  const id = store.images.resolve(name("multi:1")).id;
  store.images.addDigest(id, { domain: registry.domain, path: "multi" }, digest);
  const messages = await push("multi", "1");
  expect(messages.at(-1)?.aux).toMatchObject({ Tag: "1", Digest: digest });
  expect(registry.manifests.get("multi/1")?.type).toBe(MEDIA_TYPE.ociIndex);
  await store.images.tag(name("multi:1"), name("multi"), "2");
  await push("multi", "2");
  expect(registry.manifests.get("multi/2")?.type).toBe(manifest.type);
});

test("a pulled image goes out as it came: blobs and manifest, zstd too", async () => {
  const made = publishImage(registry, "app", "1", [
    { tar: layers[0]! },
    { tar: layers[1]!, compression: "zstd" },
  ]);
  await pull("app:1");
  await using second = new FakeRegistry();
  await store.images.tag(name("app:1"), `${second.domain}/copy`, "1");
  await collect(store.images.push({ image: `${second.domain}/copy`, tag: "1" }, never()));
  expect(second.manifests.has(`copy/${made.digest}`)).toBe(true);
  for (const digest of made.blobs) expect(second.blobs.has(digest)).toBe(true);
  const { RepoDigests } = await store.images.inspect(`${second.domain}/copy:1`, {});
  expect(RepoDigests).toContain(`${second.domain}/copy@${made.digest}`);
});

test("what cannot be pushed", async () => {
  await expect(push("none", "1")).rejects.toThrow(
    `An image does not exist locally with the tag: ${name("none")}`,
  );
  await store.load(dockerArchive(layers, [name("app:1")]).tar);
  await expect(push("app", "2")).rejects.toThrow(`tag does not exist: ${name("app:2")}`);
  registry.intercept = () =>
    Response.json({ errors: [{ code: "DENIED", message: "requested access is denied" }] }, { status: 403 });
  await expect(push("app", "1")).rejects.toThrow("denied: requested access");
});
