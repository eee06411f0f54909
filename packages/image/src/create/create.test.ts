import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { END_OF_ARCHIVE } from "@berth/archive";
import { type Digest, sha256 } from "@berth/base";
import { openCopySnapshots } from "@berth/snapshot";
import { toContainerConfig } from "../config.ts";
import type { CommitOptions } from "../store.ts";
import { collect, never, streamOf, TestStore } from "../testing/store.test-helper.ts";
import { tarOf, untar } from "../testing/tar.test-helper.ts";

setDefaultTimeout(60_000);

let store: TestStore;
beforeEach(async () => {
  store = await TestStore.open();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const rootfs = tarOf(
  { name: "etc/", type: "directory", mode: 0o755 },
  { name: "etc/motd", content: "hello" },
  { name: "etc/old", content: "old" },
);

describe("import", () => {
  test("a tar becomes an image with one layer", async () => {
    const options = {
      repository: "made",
      tag: "",
      message: "from a test",
      changes: ['CMD ["sh"]', "LABEL a=b"],
    };
    const messages = await collect(store.images.import(streamOf(rootfs), options, never()));
    expect(messages).toHaveLength(1);
    const id = messages[0]!.status!;
    const image = await store.images.inspect("made:latest", {});
    expect(image).toMatchObject({
      Id: id,
      Comment: "from a test",
      Size: 8,
      RootFS: { Layers: [sha256(rootfs)] },
    });
    expect(image.Config).toEqual(toContainerConfig({ Cmd: ["sh"], Labels: { a: "b" } }));
    expect(image.ContainerConfig).toEqual(toContainerConfig({}));
    expect((await store.images.history(id, {}))[0]).toMatchObject({
      Comment: "from a test",
      CreatedBy: "",
      Tags: ["made:latest"],
    });
    expect(store.events.map((event) => [event.action, event.id, event.attributes])).toEqual([
      ["import", id, { a: "b" }],
    ]);
    const files = untar(await store.save("made"));
    expect(files.get(`blobs/sha256/${sha256(rootfs).slice(7)}`)!.equals(rootfs)).toBe(true);
  });

  test("compressed, without a name, and for another platform", async () => {
    const gzip = Bun.gzipSync(new Uint8Array(rootfs));
    const id = await store.import(gzip);
    expect(await store.images.inspect(id, {})).toMatchObject({
      RepoTags: [],
      Comment: "Imported from -",
      RootFS: { Layers: [sha256(rootfs)] },
    });
    const options = { repository: "arm", tag: "1", message: "", changes: [], platform: "linux/arm/v6" };
    await collect(store.images.import(streamOf(rootfs), options, never()));
    expect(await store.images.inspect("arm:1", {})).toMatchObject({
      Architecture: "arm",
      Variant: "v6",
      Os: "linux",
    });
  });

  test.each([
    ["bad changes", rootfs, "x", ["RUN x"], "run is not a valid change command"],
    ["a bad name", rootfs, "X", [], "must be lowercase"],
    ["no tar", Buffer.alloc(5000, 1), "x", [], ""],
    ["nothing", Buffer.alloc(0), "x", [], "the archive is empty"],
    ["a tar that climbs out", tarOf({ name: "../x", content: "y" }), "x", [], ""],
  ])("%s", async (_name, tar, name, changes, message) => {
    await expect(store.import(tar, name, changes)).rejects.toThrow(message);
    await store.images.collect();
    expect(store.content.list()).toEqual([]);
    expect(store.snapshots.list()).toEqual([]);
  });

  test("from an address", async () => {
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        request.url.endsWith("/x.tar")
          ? new Response(new Uint8Array(rootfs))
          : new Response("none here", { status: 404 }),
    });
    const from = (address: string) =>
      collect(
        store.images.importFromUrl(address, { repository: "", tag: "", message: "", changes: [] }, never()),
      );
    const fetchFrom = (path: string) => from(`127.0.0.1:${server.port}${path}`);
    const messages = await fetchFrom("/x.tar");
    expect(messages[0]!.status).toStartWith("Downloading from http://127.0.0.1:");
    expect((await store.images.inspect(messages[1]!.status!, {})).Comment).toStartWith(
      "Imported from http://127.0.0.1:",
    );
    await expect(fetchFrom("/none")).rejects.toThrow(
      `failed to GET http://127.0.0.1:${server.port}/none with status 404 Not Found: none here`,
    );
    await expect(from("http://joe:secret@127.0.0.1:1/x")).rejects.toThrow(
      'Get "http://joe:***@127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    const guarded = await from(`http://joe:secret@127.0.0.1:${server.port}/x.tar`);
    const { Comment } = await store.images.inspect(guarded[1]!.status!, {});
    expect(Comment).toBe(`Imported from http://joe:***@127.0.0.1:${server.port}/x.tar`);
    await expect(from("file:///etc/passwd")).rejects.toThrow("unsupported source");
  });
});

describe.each([
  ["overlay2", undefined],
  ["vfs", openCopySnapshots],
] as const)("commit with %s", (driver, open) => {
  async function container(): Promise<{ base: Digest; upper: string; options: CommitOptions }> {
    if (open !== undefined) {
      await store[Symbol.asyncDispose]();
      store = await TestStore.open({ open });
    }
    const base = (await store.import(rootfs, "base:1", ["ENV A=1", "LABEL l=base", 'CMD ["sh"]'])) as Digest;
    const { upperDirectory } = await store.snapshots.createWritable("c1", {
      chain: store.images.resolve(base).chain,
    });
    return {
      base,
      upper: upperDirectory,
      options: {
        containerId: "c1",
        imageId: base,
        containerConfig: toContainerConfig({
          Env: ["A=1", "B=2"],
          Cmd: ["echo", "hi"],
          Labels: { l: "base" },
        }),
        repository: "new",
        tag: "",
        author: "me",
        comment: "why",
        changes: ["ENV C=$B", "EXPOSE 80"],
      },
    };
  }

  /** Changes what a container would change: through the mount for the overlay's marks. */
  function inContainer(script: string): void {
    const mount = store.snapshots.writable("c1");
    const prepare =
      mount.kind === "directory"
        ? `mount --bind ${mount.path} /mnt`
        : `mount -t overlay overlay -o lowerdir=${mount.lower.join(":")},upperdir=${mount.upper},workdir=${mount.work} /mnt`;
    const run = Bun.spawnSync(["unshare", "-m", "sh", "-ec", `${prepare}; cd /mnt; ${script}`]);
    expect(run.stderr.toString()).toBe("");
  }

  test("what changed is one more layer", async () => {
    const { base, options } = await container();
    inContainer("echo new > etc/new; rm etc/old; echo changed > etc/motd");
    expect((await store.snapshots.changes("c1")).map(({ path, kind }) => `${kind}${path}`).sort()).toEqual([
      "0/etc",
      "0/etc/motd",
      "1/etc/new",
      "2/etc/old",
    ]);
    expect(await store.snapshots.writableSize("c1")).toBeGreaterThanOrEqual(12);
    const id = await store.images.commit(options, never());
    const image = await store.images.inspect("new:latest", {});
    expect(image).toMatchObject({
      Id: id,
      Parent: base,
      Author: "me",
      Comment: "why",
      Container: "c1",
      ContainerConfig: { Env: ["A=1", "B=2"] },
      Config: {
        Env: ["A=1", "B=2", "C=2"],
        Cmd: ["echo", "hi"],
        Labels: { l: "base" },
        ExposedPorts: { "80/tcp": {} },
      },
    });
    expect(image.RootFS.Layers).toHaveLength(2);
    const history = await store.images.history("new", {});
    expect(history.map(({ Comment, CreatedBy, Id, Tags }) => ({ Comment, CreatedBy, Id, Tags }))).toEqual([
      { Comment: "why", CreatedBy: "echo hi", Id: id, Tags: ["new:latest"] },
      { Comment: "Imported from -", CreatedBy: "", Id: base, Tags: ["base:1"] },
    ]);
    expect(store.events.slice(1).map((event) => [event.action, event.name])).toEqual([["tag", "new:latest"]]);

    const tar = untar(await store.save("new")).get(`blobs/sha256/${image.RootFS.Layers[1]!.slice(7)}`)!;
    expect([...untar(tar).keys()].sort()).toEqual(["etc/", "etc/.wh.old", "etc/motd", "etc/new"]);
    // The parent cannot go before the child.
    await expect(store.images.remove(base, { force: true, prune: true })).rejects.toThrow(
      "(cannot be forced) - image has dependent child images",
    );
    const removed = await store.images.remove("new", { force: false, prune: true });
    expect(removed.map((each) => Object.keys(each)[0])).toEqual(["Untagged", "Deleted", "Deleted"]);
  });

  test("nothing changed: no layer, only configuration", async () => {
    const { base, options } = await container();
    const id = await store.images.commit(
      { ...options, repository: "", changes: ["LABEL l=new"], comment: "", author: "" },
      never(),
    );
    const image = await store.images.inspect(id, {});
    expect(image.RootFS.Layers).toHaveLength(1);
    expect(image.Config.Labels).toEqual({ l: "new" });
    expect((await store.images.history(id, {}))[0]).toMatchObject({
      Size: 0,
      Comment: "",
      CreatedBy: "echo hi",
    });
    // A dangling child goes with its name; its parent has one and stays.
    expect(await store.images.remove(id, { force: false, prune: true })).toEqual([{ Deleted: id }]);
    expect(store.images.resolve("base:1").id).toBe(base);
  });

  test("bad changes and names make nothing; a request's configuration comes first", async () => {
    const { options } = await container();
    await expect(store.images.commit({ ...options, changes: ["FROM x"] }, never())).rejects.toThrow(
      "from is not a valid change command",
    );
    await expect(store.images.commit({ ...options, repository: "A" }, never())).rejects.toThrow(
      "must be lowercase",
    );
    await expect(store.images.commit({ ...options, imageId: sha256("?") }, never())).rejects.toThrow(
      "No such image",
    );
    await expect(store.images.commit({ ...options, containerId: "nosuch" }, never())).rejects.toThrow(
      "layer not found",
    );
    const id = await store.images.commit(
      { ...options, config: toContainerConfig({ Cmd: ["other"], User: "u" }), changes: [] },
      never(),
    );
    expect((await store.images.inspect(id, {})).Config).toMatchObject({
      Cmd: ["other"],
      User: "u",
      Env: ["A=1", "B=2"],
    });
  });

  test("modes and owners survive commit, save and load", async () => {
    const { upper, options } = await container();
    mkdirSync(join(upper, "private"));
    chmodSync(join(upper, "private"), 0o1700);
    writeFileSync(join(upper, "private/run"), "#!");
    chmodSync(join(upper, "private/run"), 0o4755);
    await store.images.commit(options, never());
    const saved = await store.save("new");
    await using other = await TestStore.open();
    await other.load(saved);
    const top = other.images.resolve("new").chain[1]!;
    const stat = Bun.spawnSync(["stat", "-c", "%a %u", "private", "private/run"], {
      cwd: other.snapshots.layerFolders(top)[0]!,
    });
    expect(stat.stdout.toString()).toBe("1700 0\n4755 0\n");
    expect(driver).toBe(store.snapshots.driver);
  });
});

test("an empty tar is what Docker's empty layer is", () => {
  expect(sha256(END_OF_ARCHIVE)).toBe(
    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
  );
});
