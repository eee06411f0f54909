import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Filters } from "@berth/api";
import { sha256 } from "@berth/base";
import { cutAfter, FakeRegistry } from "@berth/registry/testing";
import { MEDIA_TYPE } from "@berth/spec";
import { layer } from "../testing/images.test-helper.ts";
import { bigLayer, noise, publishImage, statuses } from "../testing/registry.test-helper.ts";
import { collect, never, TestStore } from "../testing/store.test-helper.ts";
import { tarOf } from "../testing/tar.test-helper.ts";

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

const layers = [
  { tar: layer("etc/motd", "hello") },
  { tar: layer("bin/sh", "#!"), compression: "zstd" as const },
  { tar: layer("etc/.wh.motd", ""), compression: "none" as const },
];
const name = (rest: string) => `${registry.domain}/${rest}`;
const pull = (rest: string, options: { tag?: string; platform?: string } = {}, signal = never()) =>
  collect(store.images.pull({ image: name(rest), tag: "", ...options }, signal));
const partials = () => readdirSync(join(store.dataRoot, "content/partial"));

async function expectNothing(): Promise<void> {
  await store.images.collect();
  expect(store.snapshots.list()).toEqual([]);
  expect(store.content.list()).toEqual([]);
  expect(readdirSync(join(store.dataRoot, "layers/new"))).toEqual([]);
}

test("an image of gzip, zstd and plain layers: messages, names, the same bytes; then one request", async () => {
  const made = publishImage(registry, "lib/app", "1", layers);
  const ids = made.blobs.map((digest) => digest.slice(7, 19));
  const messages = statuses(await pull("lib/app:1"));
  expect(messages[0]).toBe("1: Pulling from lib/app");
  expect(messages.slice(1, 4)).toEqual(ids.map((id) => `${id}: Pulling fs layer`));
  for (const id of ids) {
    const own = messages.filter((each) => each.startsWith(id)).map((each) => each.slice(14));
    expect(own).toEqual(["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"]);
  }
  expect(messages.slice(-2)).toEqual([
    `Digest: ${made.digest}`,
    `Status: Downloaded newer image for ${name("lib/app:1")}`,
  ]);
  const inspect = await store.images.inspect(name("lib/app:1"), {});
  expect(inspect.Id).toBe(made.id);
  expect(inspect.RepoDigests).toEqual([`${name("lib/app")}@${made.digest}`]);
  const [, , top] = store.images.resolve(name("lib/app:1")).chain;
  expect(statSync(join(store.snapshots.layerFolders(top!)[0]!, "etc/motd")).isCharacterDevice()).toBe(true);
  expect(partials()).toEqual([]);
  expect(store.events.map(({ action, id, name, attributes }) => [action, id, name, attributes])).toEqual([
    ["pull", name("lib/app:1"), name("lib/app"), { made: "here" }],
  ]);
  // Each blob once, and the manifest once.
  expect(registry.seen.filter((each) => !each.target.includes("/v2/lib/app/")).length).toBe(0);
  expect(registry.seen.length).toBe(5);

  registry.seen.length = 0;
  expect(statuses(await pull("lib/app:1"))).toEqual([
    "1: Pulling from lib/app",
    `Digest: ${made.digest}`,
    `Status: Image is up to date for ${name("lib/app:1")}`,
  ]);
  expect(registry.seen.map(({ method, target }) => `${method} ${target}`)).toEqual([
    "HEAD /v2/lib/app/manifests/1",
  ]);

  // The store gives the layers back as the configuration names them.
  expect((await store.save(name("lib/app:1"))).length).toBeGreaterThan(1000);
});

test("an image that does not say when it was made is shown without a time", async () => {
  publishImage(registry, "app", "1", layers.slice(0, 1), { config: { history: [{ created_by: "x" }] } });
  await pull("app:1");
  const [image] = await store.images.list({ all: false, sharedSize: false, filters: new Filters() });
  // The seconds of Go's zero time: the command line shows "N/A".
  expect(image!.Created).toBe(-62135596800);
  expect((await store.images.history(name("app:1"), {}))[0]!.Created).toBe(-62135596800);
});

test("layers that are there are not fetched; all tags; by digest", async () => {
  publishImage(registry, "app", "1", layers.slice(0, 2));
  const second = publishImage(registry, "app", "2", layers);
  await pull("app:1");
  registry.seen.length = 0;
  const messages = statuses(await pull("app"));
  expect(messages.filter((each) => each.endsWith("Already exists"))).toHaveLength(2);
  expect(messages.at(-1)).toBe(`Status: Downloaded newer image for ${name("app")}`);
  expect(registry.requests("GET", "/blobs/")).toHaveLength(2);
  expect(store.images.names(second.id).tags).toEqual([name("app:2")]);
  const byDigest = statuses(await pull(`app@${second.digest}`));
  expect(byDigest[0]).toBe(`${name("app")}@${second.digest}: Pulling from app`);
  expect(byDigest.at(-1)).toBe(`Status: Image is up to date for ${name("app")}@${second.digest}`);
});

test("an index: the platform's image, digest of the index, no image for others", async () => {
  const amd = publishImage(registry, "multi", "amd", layers.slice(0, 1));
  const arm = publishImage(registry, "multi", "arm", layers.slice(1, 2), {
    config: { architecture: "arm64" },
  });
  const index = registry.addManifest("multi", "latest", MEDIA_TYPE.ociIndex, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociIndex,
    manifests: [
      { ...amd.descriptor, platform: { os: "linux", architecture: "amd64" } },
      { ...arm.descriptor, platform: { os: "linux", architecture: "arm64" } },
      { ...amd.descriptor, platform: { os: "unknown", architecture: "unknown" } },
    ],
  });
  expect(statuses(await pull("multi:latest"))).toContain(`Digest: ${index}`);
  expect(store.images.resolve(name("multi")).id).toBe(amd.id);
  await pull("multi:latest", { platform: "linux/arm64" });
  expect(store.images.resolve(name("multi")).id).toBe(arm.id);
  // What is there is for another platform than the host's.
  await pull("multi:latest");
  expect(store.images.resolve(name("multi")).id).toBe(amd.id);
  const refused = store.images.pull(
    { image: name("multi:latest"), tag: "", platform: "linux/s390x" },
    never(),
  );
  const iterator = refused[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toEqual({ status: "Pulling from multi", id: "latest" });
  await expect(iterator.next()).rejects.toThrow(
    "no matching manifest for linux/s390x in the manifest list entries",
  );
});

test("a connection that is cut: the rest is fetched, and nothing twice", async () => {
  const made = publishImage(registry, "app", "1", [bigLayer(3_000_000)]);
  let cuts = 0;
  registry.intercept = (request, url) => {
    if (!url.pathname.includes(made.blobs[0]!) || cuts === 2) return undefined;
    cuts++;
    const bytes = registry.blobs.get(made.blobs[0]!)!;
    const from = Number(/bytes=(\d+)/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const headers = { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    return cutAfter(bytes.subarray(from), 1_000_000, from === 0 ? {} : { status: 206, headers });
  };
  await pull("app:1");
  const ranges = registry.requests("GET", made.blobs[0]).map((each) => each.range);
  expect(ranges).toHaveLength(3);
  expect(ranges[0]).toBeUndefined();
  // Each begins where the one before broke off; what was on its way then may be lost.
  const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range!)![1]));
  expect(starts[0]).toBeWithin(1, 1_000_001);
  expect(starts[1]).toBeWithin(starts[0]! + 1, starts[0]! + 1_000_001);
  expect(partials()).toEqual([]);
});

test("a large blob comes in parts at once; also from a registry that knows no ranges", async () => {
  const made = publishImage(registry, "app", "1", [bigLayer(50 << 20)]);
  await pull("app:1");
  const ranges = registry.requests("GET", made.blobs[0]).map((each) => each.range);
  expect(ranges).toHaveLength(4);
  expect(ranges[0]).toBe(`bytes=0-${(16 << 20) - 1}`);
  registry.ranges = false;
  const other = publishImage(registry, "app", "2", [bigLayer(40 << 20)]);
  await pull("app:2");
  expect(registry.requests("GET", other.blobs[0])).toHaveLength(1);
});

test("two pulls of the same layers at once share the work; one that goes away does not end the other", async () => {
  const made = publishImage(registry, "app", "1", [...layers, bigLayer(2_000_000)]);
  publishImage(registry, "other", "1", [...layers, bigLayer(1_000_000)]);
  const stop = new AbortController();
  const results = await Promise.allSettled([
    pull("app:1"),
    pull("other:1"),
    pull("app:1", {}, stop.signal),
    Promise.resolve().then(() => stop.abort()),
    pull("app:1"),
  ]);
  expect(results.map((each) => each.status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  for (const digest of made.blobs) expect(registry.requests("GET", digest)).toHaveLength(1);
  expect(store.images.resolve(name("app:1")).id).toBe(made.id);
});

test("folders that a layer does not list have the attributes of the layers below, though all are unpacked at once", async () => {
  const base = tarOf(
    { name: "./", type: "directory", mode: 0o711, uid: 3 },
    { name: "etc/", type: "directory", mode: 0o700, uid: 5, gid: 6 },
    { name: "etc/a", content: noise(300_000) },
  );
  publishImage(registry, "app", "1", [
    { tar: base },
    { tar: layer("etc/b", "b") },
    { tar: tarOf({ name: "etc/c" }, { name: "new/d" }) },
  ]);
  await pull("app:1");
  for (const chainId of store.images.resolve(name("app:1")).chain) {
    const folder = store.snapshots.layerFolders(chainId)[0]!;
    const { uid, gid, mode } = statSync(join(folder, "etc"));
    expect([uid, gid, mode & 0o7777]).toEqual([5, 6, 0o700]);
    expect([statSync(folder).uid, statSync(folder).mode & 0o7777]).toEqual([3, 0o711]);
  }
});

describe("bad answers leave nothing", () => {
  const wrongBlob = (bytes: Uint8Array) => (made: ReturnType<typeof publishImage>) => {
    registry.blobs.set(made.blobs[0]!, bytes);
  };
  const cases: [string, (made: ReturnType<typeof publishImage>) => void, string][] = [
    [
      "a layer with other bytes of the same length",
      (made) => {
        const bytes = registry.blobs.get(made.blobs[0]!)!.slice();
        bytes[bytes.length >> 1]! ^= 0xff;
        registry.blobs.set(made.blobs[0]!, bytes);
      },
      "filesystem layer verification failed for digest sha256:",
    ],
    ["a layer that is too short", wrongBlob(new Uint8Array(10)), "its manifest says"],
    ["a layer that is too long", wrongBlob(new Uint8Array(100_000)), "its manifest says"],
    ["a layer that is missing", (made) => registry.blobs.delete(made.blobs[0]!), "unknown blob"],
    [
      "a manifest that is no JSON",
      () => registry.manifests.set("app/1", { type: MEDIA_TYPE.ociManifest, bytes: Buffer.from("<html>") }),
      "not valid JSON",
    ],
    [
      "a manifest without end",
      () =>
        registry.manifests.set("app/1", { type: MEDIA_TYPE.ociManifest, bytes: Buffer.alloc(5 << 20, " ") }),
      "more than 4194304 bytes",
    ],
    [
      "redirects without end",
      () => {
        registry.intercept = (_, url) => Response.redirect(url.href, 307);
      },
      "stopped after 10 redirects",
    ],
    [
      "schema 1",
      () =>
        registry.manifests.set("app/1", {
          type: "application/vnd.docker.distribution.manifest.v1+prettyjws",
          bytes: Buffer.from("{}"),
        }),
      "schema 1",
    ],
  ];
  test.each(cases)("%s", async (_name, spoil, message) => {
    const made = publishImage(registry, "app", "1", layers.slice(0, 1));
    spoil(made);
    await expect(pull("app:1")).rejects.toThrow(message);
    await expectNothing();
    expect(partials()).toEqual([]);
    expect(store.events).toEqual([]);
  });

  test("a layer whose content is not what the configuration says", async () => {
    publishImage(registry, "app", "1", layers.slice(0, 2), {
      config: { rootfs: { type: "layers", diff_ids: [sha256(layers[0]!.tar), sha256("x")] } },
    });
    await expect(pull("app:1")).rejects.toThrow("layers from manifest don't match image configuration");
    // Without waiting for a collection: what came of the first layer goes with it.
    expect(store.snapshots.list()).toEqual([]);
    expect(store.content.list()).toEqual([]);
    await expectNothing();
    publishImage(registry, "app", "2", layers.slice(0, 1), {
      config: { rootfs: { type: "layers", diff_ids: [sha256("x")] } },
    });
    await expect(pull("app:2")).rejects.toThrow("layers from manifest don't match image configuration");
    expect(store.content.list()).toEqual([]);
  });

  test("a layer that is what its digest says, and no tar", async () => {
    publishImage(registry, "app", "1", [{ tar: Buffer.alloc(20_000, "no tar") }]);
    await expect(pull("app:1")).rejects.toThrow("invalid tar header");
    expect(partials()).toEqual([]);
    await expectNothing();
  });

  test("an artifact that is no image, an image of another system", async () => {
    const config = registry.addBlob(Buffer.from("{}"));
    registry.addManifest("chart", "1", MEDIA_TYPE.ociManifest, {
      schemaVersion: 2,
      config: { mediaType: "application/vnd.cncf.helm.config.v1+json", digest: config, size: 2 },
      layers: [],
    });
    await expect(pull("chart:1")).rejects.toThrow(
      "unsupported media type application/vnd.cncf.helm.config.v1+json",
    );
    registry.addManifest("plugin", "1", MEDIA_TYPE.dockerManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.dockerManifest,
      config: { mediaType: "application/vnd.docker.plugin.v1+json", digest: config, size: 2 },
      layers: [],
    });
    await expect(pull("plugin:1")).rejects.toThrow(
      'Encountered remote "application/vnd.docker.plugin.v1+json"',
    );
    publishImage(registry, "win", "1", layers.slice(0, 1), { config: { os: "windows" } });
    await expect(pull("win:1")).rejects.toThrow('image operating system "windows" cannot be used');
  });

  test("Docker's sentences for what a registry refuses", async () => {
    await expect(pull("none:1")).rejects.toThrow(
      `manifest for ${name("none:1")} not found: manifest unknown: manifest unknown`,
    );
    await expect(pull("none")).rejects.toThrow(`repository ${name("none")} not found: name unknown:`);
    const refuse = (status: number, code: string) => {
      registry.intercept = () =>
        Response.json({ errors: [{ code, message: "requested access denied" }] }, { status });
    };
    refuse(403, "DENIED");
    await expect(pull("none:1")).rejects.toThrow(
      `pull access denied for ${name("none")}, repository does not exist or may require 'docker login': denied: requested access denied`,
    );
    registry.intercept = () => new Response("gone", { status: 418 });
    await expect(pull("none:1")).rejects.toThrow("error parsing HTTP 418 response body");
  });
});

test("a manifest that claims an absurd size of a layer costs nothing", async () => {
  const config = registry.addBlob(
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        rootfs: { type: "layers", diff_ids: [sha256("x")] },
      }),
    ),
  );
  const blob = registry.addBlob(Bun.gzipSync(new Uint8Array(layers[0]!.tar)));
  for (const size of [2 ** 50, Number.MAX_SAFE_INTEGER]) {
    registry.addManifest("app", "1", MEDIA_TYPE.dockerManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.dockerManifest,
      config: {
        mediaType: MEDIA_TYPE.dockerConfig,
        digest: config,
        size: registry.blobs.get(config)!.length,
      },
      layers: [{ mediaType: MEDIA_TYPE.dockerLayerGzip, digest: blob, size }],
    });
    const before = process.memoryUsage.rss();
    await expect(pull("app:1")).rejects.toThrow(`its manifest says ${size}`);
    expect(process.memoryUsage.rss() - before).toBeLessThan(50 << 20);
  }
  await expectNothing();
  expect(partials()).toEqual([]);
});

test("a registry that wants to be left alone for long is told of, and not asked again", async () => {
  const made = publishImage(registry, "app", "1", layers);
  registry.intercept = (_request, url) =>
    url.pathname.includes(made.blobs[0]!)
      ? Response.json(
          { errors: [{ code: "TOOMANYREQUESTS", message: "slow down" }] },
          { status: 429, headers: { "Retry-After": "3600" } },
        )
      : undefined;
  await expect(pull("app:1")).rejects.toThrow("toomanyrequests: slow down");
  expect(registry.requests("GET", made.blobs[0])).toHaveLength(1);
});

test("what may pass is tried again: 503, 429 with Retry-After, a reset", async () => {
  publishImage(registry, "app", "1", layers);
  let count = 0;
  registry.intercept = () => {
    count++;
    if (count === 1) return new Response("", { status: 503 });
    if (count === 2) return new Response("", { status: 429, headers: { "Retry-After": "0" } });
    if (count === 5) return new Response("", { status: 500 });
    return undefined;
  };
  await pull("app:1");
  registry.intercept = () => new Response("", { status: 429, headers: { "Retry-After": "3600" } });
  registry.seen.length = 0;
  await expect(pull("app:2")).rejects.toThrow("toomanyrequests");
  expect(registry.seen).toHaveLength(1);
});
