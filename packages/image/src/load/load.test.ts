import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Filters } from "@berth/api";
import { END_OF_ARCHIVE } from "@berth/archive";
import { sha256 } from "@berth/base";
import { dockerArchive, layer, ociArchive } from "../testing/images.test-helper.ts";
import { bytesOf, collect, never, streamOf, TestStore } from "../testing/store.test-helper.ts";
import { tarOf, untar } from "../testing/tar.test-helper.ts";

// Each layer is unpacked by a process of its own, and other tests may run beside.
setDefaultTimeout(60_000);

const gzip = (bytes: Buffer) => Bun.gzipSync(new Uint8Array(bytes));
const noFilters = new Filters();
let store: TestStore;
beforeEach(async () => {
  store = await TestStore.open();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const layers = [layer("etc/motd", "hello"), layer("bin/sh", "#!"), layer("etc/.wh.motd", "")];
const named = dockerArchive(layers, ["app:1", "example.com/app:latest"]);

/** Nothing is left on disk of anything. */
async function expectEmpty(): Promise<void> {
  await store.images.collect();
  expect(store.content.list()).toEqual([]);
  expect(store.snapshots.list()).toEqual([]);
  expect(readdirSync(join(store.dataRoot, "layers/new"))).toEqual([]);
  expect(readdirSync(join(store.dataRoot, "content/ingest"))).toEqual([]);
}

test("a docker-archive: messages, names, facts", async () => {
  const messages = await store.load(named.tar, false);
  expect(messages.filter((each) => each.stream)).toEqual([
    { stream: "Loaded image: app:1\n" },
    { stream: "Loaded image: example.com/app:latest\n" },
  ]);
  const loading = messages.filter((each) => each.status === "Loading layer");
  expect(new Set(loading.map((each) => each.id))).toEqual(
    new Set(layers.map((each) => sha256(each).slice(7, 19))),
  );
  expect(await store.load(named.tar)).toEqual([
    { stream: "Loaded image: app:1\n" },
    { stream: "Loaded image: example.com/app:latest\n" },
  ]);

  const image = store.images.resolve("app:1");
  expect(image.id).toBe(named.id as never);
  expect(image.chain).toHaveLength(3);
  const inspect = await store.images.inspect("example.com/app", {});
  expect(inspect).toMatchObject({
    Id: named.id,
    RepoTags: ["app:1", "example.com/app:latest"],
    RepoDigests: [],
    Parent: "",
    Comment: "c2",
    Created: "2024-01-02T03:04:05.678901234Z",
    Container: "",
    Architecture: "amd64",
    Os: "linux",
    Size: 7,
    RootFS: { Type: "layers", Layers: layers.map((each) => sha256(each)) },
  });
  expect(inspect.Config.Cmd).toEqual(["sh"]);
  expect(inspect.ContainerConfig.Env).toBeNull();
  expect(Date.parse(inspect.Metadata.LastTagTime)).toBeGreaterThan(Date.now() - 60_000);
  expect(inspect.GraphDriver.Name).toBe("overlay2");
  expect(inspect.GraphDriver.Data!.LowerDir!.split(":")).toHaveLength(2);
  expect(await store.images.history("app:1", {})).toEqual([
    {
      Comment: "c2",
      Created: 1704164645,
      CreatedBy: "step 2",
      Id: named.id,
      Size: 0,
      Tags: ["app:1", "example.com/app:latest"],
    },
    { Comment: "c1", Created: 1704164645, CreatedBy: "step 1", Id: "<missing>", Size: 2, Tags: null },
    { Comment: "c0", Created: 1704164645, CreatedBy: "step 0", Id: "<missing>", Size: 5, Tags: null },
  ]);
  expect(store.events.map((event) => [event.action, event.id, event.attributes])).toEqual([
    ["load", named.id, { made: "here" }],
    ["load", named.id, { made: "here" }],
  ]);
});

describe("what save wrote", () => {
  test("is a docker-archive and an OCI layout, the same bytes each time, and loads elsewhere", async () => {
    await store.load(named.tar);
    const saved = await store.save("app:1");
    expect((await store.save("app:1")).equals(saved)).toBe(true);
    const files = untar(saved);
    expect(JSON.parse(files.get("manifest.json")!.toString())).toMatchObject([
      { Config: `blobs/sha256/${named.id.slice(7)}`, RepoTags: ["app:1"] },
    ]);
    for (const each of layers) {
      expect(files.get(`blobs/sha256/${sha256(each).slice(7)}`)!.equals(each)).toBe(true);
    }
    expect(files.get(`blobs/sha256/${named.id.slice(7)}`)!.equals(named.config)).toBe(true);
    const index = JSON.parse(files.get("index.json")!.toString());
    expect(index.manifests).toHaveLength(1);
    expect(index.manifests[0].annotations).toEqual({
      "io.containerd.image.name": "docker.io/library/app:1",
      "org.opencontainers.image.ref.name": "1",
    });
    for (const [name, bytes] of files) {
      if (/^blobs\/sha256\/./.test(name)) expect(name.slice(13)).toBe(sha256(bytes).slice(7));
    }

    await using other = await TestStore.open();
    expect(await other.load(saved)).toEqual([{ stream: "Loaded image: app:1\n" }]);
    // Without manifest.json it is only an OCI layout.
    await using third = await TestStore.open();
    const oci = tarOf(
      ...[...files]
        .filter(([name]) => name !== "manifest.json" && !name.endsWith("/"))
        .map(([name, content]) => ({ name, content })),
    );
    expect(await third.load(oci)).toEqual([{ stream: "Loaded image: app:1\n" }]);
    for (const each of [other, third]) {
      expect(each.images.resolve("app:1").id).toBe(named.id as never);
      expect((await each.save("app:1")).equals(saved)).toBe(true);
    }
  });

  test("names: a repository is all of its tags, an id is an image without a name", async () => {
    await store.load(named.tar);
    await store.images.tag("app:1", "app", "2");
    const manifest = async (...names: string[]) =>
      JSON.parse(
        untar(await store.save(...names))
          .get("manifest.json")!
          .toString(),
      );
    expect((await manifest("app"))[0].RepoTags).toEqual(["app:1", "app:2"]);
    expect((await manifest("app:2"))[0].RepoTags).toEqual(["app:2"]);
    expect((await manifest(named.id))[0].RepoTags).toBeNull();
    expect((await manifest(named.id.slice(7, 19)))[0].RepoTags).toBeNull();
    expect((await manifest("app:2", "example.com/app", "app:2"))[0].RepoTags).toEqual([
      "app:2",
      "example.com/app:latest",
    ]);
    const fails = (name: string) => store.save(name);
    await expect(fails("nosuch")).rejects.toThrow(
      expect.objectContaining({ kind: "not-found", message: "No such image: nosuch" }),
    );
    await expect(fails("app:3")).rejects.toThrow(
      expect.objectContaining({ kind: "not-found", message: "reference does not exist" }),
    );
    await expect(fails(`sha256:${"0".repeat(64)}`)).rejects.toThrow("No such image");
    await expect(fails("App")).rejects.toThrow("must be lowercase");
  });

  test("several images share layers in the archive; loading them without names tells ids", async () => {
    const other = dockerArchive([layers[0]!, layer("x", "y")], ["other:1"]);
    await store.load(named.tar);
    await store.load(other.tar);
    const saved = untar(await store.save(named.id, other.id));
    expect([...saved.keys()].filter((name) => /^blobs\/sha256\/./.test(name))).toHaveLength(4 + 2 + 2);
    await using fresh = await TestStore.open();
    expect(await fresh.load(await store.save(named.id, other.id))).toEqual([
      { stream: `Loaded image ID: ${named.id}\n` },
      { stream: `Loaded image ID: ${other.id}\n` },
    ]);
    expect(fresh.snapshots.list()).toHaveLength(4);
    expect(fresh.events.map((event) => event.action)).toEqual(["load", "load"]);
  });

  test("a save that is given up frees what it held", async () => {
    await store.load(named.tar);
    const stream = await store.images.save(["app:1"], {}, never());
    await stream.cancel();
    const second = await store.images.save(["app:1"], {}, never());
    const reader = second.getReader();
    await reader.read();
    await store.images.remove(named.id, { force: true, prune: true });
    // Still there for the save that is under way.
    reader.releaseLock();
    await bytesOf(second);
    await expectEmpty();
  });
});

describe("compressed archives", () => {
  test.each([
    ["gzip", (tar: Buffer) => gzip(tar)],
    ["zstd", (tar: Buffer) => Bun.zstdCompressSync(tar)],
    ["xz", (tar: Buffer) => Bun.spawnSync(["xz", "-c"], { stdin: tar }).stdout],
    ["bzip2", (tar: Buffer) => Bun.spawnSync(["bzip2", "-c"], { stdin: tar }).stdout],
  ] as const)("%s around it", async (_name, compress) => {
    expect(await store.load(compress(named.tar))).toHaveLength(2);
    expect(store.images.resolve("app:1").id).toBe(named.id as never);
  });

  test("compressed layers inside of a docker-archive are saved as they are unpacked", async () => {
    const made = dockerArchive(layers, ["app:1"], {
      layerFiles: layers.map((each) => Buffer.from(gzip(each))),
    });
    await store.load(made.tar);
    const files = untar(await store.save("app:1"));
    for (const each of layers)
      expect(files.get(`blobs/sha256/${sha256(each).slice(7)}`)!.equals(each)).toBe(true);
  });
});

describe("OCI layouts", () => {
  const full = { "io.containerd.image.name": "docker.io/library/app:1" };

  test.each([
    ["plain", undefined, "application/vnd.oci.image.layer.v1.tar"],
    ["gzip", (each: Buffer) => gzip(each), "application/vnd.oci.image.layer.v1.tar+gzip"],
    ["zstd", (each: Buffer) => Bun.zstdCompressSync(each), "application/vnd.oci.image.layer.v1.tar+zstd"],
  ] as const)("%s layers", async (_name, compress, mediaType) => {
    const made = ociArchive(layers, full, { mediaType, ...(compress && { compress }) });
    expect(await store.load(made.tar)).toEqual([{ stream: "Loaded image: app:1\n" }]);
    expect(store.images.resolve("app:1").id).toBe(made.id as never);
    const files = untar(await store.save("app"));
    for (const each of layers)
      expect(files.get(`blobs/sha256/${sha256(each).slice(7)}`)!.equals(each)).toBe(true);
  });

  test("names by OCI's own annotation; a bare tag names nothing", async () => {
    const ref = "org.opencontainers.image.ref.name";
    expect(await store.load(ociArchive(layers, { [ref]: "quay.io/a/b:c" }).tar)).toEqual([
      { stream: "Loaded image: quay.io/a/b:c\n" },
    ]);
    const { tar, id } = ociArchive(layers, { [ref]: "latest" });
    expect(await store.load(tar)).toEqual([{ stream: `Loaded image ID: ${id}\n` }]);
  });

  test("the platform is chosen from an index", async () => {
    const made = ociArchive(layers, full, { platforms: ["linux/s390x", "linux/amd64"] });
    await store.load(made.tar);
    expect(store.images.resolve("app:1").id).toBe(made.id as never);
    const wrong = collect(
      store.images.load(streamOf(made.tar), { quiet: true, platform: "linux/riscv64" }, never()),
    );
    await expect(wrong).rejects.toThrow("no image in the archive is for the platform linux/riscv64");
  });

  test.each([
    ["a blob that is not what its name says", { damage: true }, "has the digest"],
    ["a layer of an unknown kind", { mediaType: "text/plain" }, "unsupported media type text/plain"],
  ])("%s is refused", async (_name, options, message) => {
    await expect(store.load(ociArchive(layers, full, options).tar)).rejects.toThrow(message);
    await expectEmpty();
  });
});

describe("names", () => {
  test("a name that moves is announced, and the old image stays without it", async () => {
    const other = dockerArchive([layer("x", "y")], ["app:1"]);
    await store.load(named.tar);
    expect(await store.load(other.tar)).toEqual([
      {
        stream: `The image app:1 already exists, renaming the old one with ID ${named.id} to empty string\n`,
      },
      { stream: "Loaded image: app:1\n" },
    ]);
    expect(store.images.resolve("app:1").id).toBe(other.id as never);
    expect(store.images.names(named.id as never)).toEqual({ tags: ["example.com/app:latest"], digests: [] });
  });

  test.each([
    [["Upper:1"], "must be lowercase"],
    [["notag"], 'invalid tag "notag"'],
    [[`x@sha256:${"0".repeat(64)}`], "invalid tag"],
  ])("%p is refused", async (names, message) => {
    await expect(store.load(dockerArchive(layers, names).tar)).rejects.toThrow(message);
    await expectEmpty();
  });
});

describe("hostile and broken archives leave nothing", () => {
  const cases: [string, Buffer, string][] = [
    ["no archive at all", Buffer.from("hello\n"), ""],
    ["nothing", Buffer.alloc(0), "does not contain a manifest.json"],
    ["an empty tar", Buffer.from(END_OF_ARCHIVE), "does not contain a manifest.json"],
    ["a container's files", tarOf({ name: "etc/passwd", content: "x" }), "does not contain a manifest.json"],
    ["cut off", named.tar.subarray(0, named.tar.length - 3000), ""],
    [
      "a wrong diff id",
      dockerArchive(layers, ["a:1"], {
        diffIds: [...layers.slice(0, 2).map((each) => sha256(each)), sha256("x")],
      }).tar,
      "invalid diffID for layer 2",
    ],
    [
      "too few layers",
      dockerArchive(layers, ["a:1"], { manifest: { Layers: ["0/layer.tar"] } }).tar,
      "layers length mismatch: expected 1, got 3",
    ],
    [
      "a missing layer",
      dockerArchive(layers, ["a:1"], { manifest: { Layers: ["a", "b", "c"] } }).tar,
      '"a" is missing',
    ],
    [
      "a missing configuration",
      dockerArchive(layers, ["a:1"], { manifest: { Config: "../../etc/passwd" } }).tar,
      "is missing",
    ],
    [
      "a manifest of the wrong shape",
      tarOf({ name: "manifest.json", content: '{"a":1}' }),
      "expected a list",
    ],
    ["a manifest that is no JSON", tarOf({ name: "manifest.json", content: "[{" }), "not valid JSON"],
    [
      "a configuration without layers",
      dockerArchive(layers, ["a:1"], { config: { rootfs: {} } }).tar,
      "type must be layers",
    ],
    [
      "links in a circle",
      tarOf(
        { name: "manifest.json", type: "symlink", linkName: "b" },
        { name: "b", type: "symlink", linkName: "manifest.json" },
      ),
      "too many links",
    ],
    [
      "a link that points out",
      tarOf({ name: "manifest.json", type: "symlink", linkName: "../../../../etc/passwd" }),
      "does not contain a manifest.json",
    ],
    ["a device", tarOf({ name: "manifest.json", type: "char" }), "neither a file nor a link"],
    ["a layer that climbs out", dockerArchive([layer("../../../../tmp/berth-escape", "x")], ["a:1"]).tar, ""],
    ["a layer that is no tar", dockerArchive([Buffer.alloc(2048, 7)], ["a:1"]).tar, ""],
  ];
  test.each(cases)("%s", async (_name, tar, message) => {
    await expect(store.load(tar)).rejects.toThrow(message);
    await expectEmpty();
    expect(store.events).toEqual([]);
  });

  test("symbolic links between layers, as Docker 20 writes them, are followed", async () => {
    const made = dockerArchive([layers[0]!, layers[0]!], ["a:1"], {
      members: [{ name: "1/layer.tar", type: "symlink", linkName: "../0/layer.tar" }],
    });
    await store.load(made.tar);
    expect(store.images.resolve("a:1").chain).toHaveLength(2);
  });

  test("a client that goes away", async () => {
    const stop = new AbortController();
    const half = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(named.tar.subarray(0, 5000));
        stop.abort();
        controller.enqueue(named.tar.subarray(5000));
        controller.close();
      },
    });
    await expect(collect(store.images.load(half, { quiet: true }, stop.signal))).rejects.toThrow();
    await expectEmpty();
  });
});

test("two loads of the same at once, and a removal meanwhile", async () => {
  await Promise.all([
    store.load(named.tar),
    store.load(named.tar),
    store.load(dockerArchive(layers.slice(0, 2), ["b:1"]).tar),
  ]);
  expect(store.snapshots.list()).toHaveLength(3);
  for (let round = 0; round < 3; round++) {
    await Promise.all([
      store.load(named.tar),
      store.images.remove("b:1", { force: true, prune: true }).catch(() => {}),
      store.images.remove(named.id, { force: true, prune: true }).catch(() => {}),
      store.load(dockerArchive(layers.slice(0, 2), ["b:1"]).tar),
    ]);
    for (const image of await store.images.list({ all: true, sharedSize: false, filters: noFilters })) {
      for (const chainId of store.images.resolve(image.Id).chain)
        expect(store.snapshots.has(chainId)).toBe(true);
      await store.save(image.Id);
    }
  }
});

test("everything is there after a restart", async () => {
  await store.load(named.tar);
  const saved = await store.save("app:1");
  const before = await store.images.inspect("app:1", {});
  store = await store.reopen();
  expect(await store.images.inspect("app:1", {})).toEqual(before);
  await store.images.collect();
  expect((await store.save("app:1")).equals(saved)).toBe(true);
});
