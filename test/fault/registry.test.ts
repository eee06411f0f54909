/** What a registry acknowledged is there: killed at any moment, collected at any moment, pushed to by many at once. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import {
  manifestOf,
  type Pushed,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
  startUpload,
  verifyBlob,
  verifyImage,
  withDigest,
} from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { runOk } from "../harness/command.ts";
import { BERTH } from "../harness/engine.ts";
import { createScope, releaseScope } from "../harness/scope.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(120_000);

let registry: RegistryProcess | undefined;
afterEach(async () => {
  await registry?.[Symbol.asyncDispose]();
  registry = undefined;
});

test("kill -9 during uploads: every acknowledged blob, manifest and tag is there", async () => {
  registry = await RegistryProcess.start("berth", { flags: ["--access-log", "none"] });
  const { url } = registry;
  const blobs: string[] = [];
  const tags: string[] = [];
  for (let round = 0; round < 6; round++) {
    let stop = false;
    let acknowledged = 0;
    const pushers = Array.from({ length: 4 }, async (_, index) => {
      for (let count = 0; !stop; count++) {
        try {
          const content = someContent(50_000 + 300_000 * index);
          await pushBlob(url, "kill", content);
          blobs.push(content.digest);
          const tag = `r${round}-${index}-${count}`;
          await pushImage(url, "kill", tag, 2000);
          tags.push(tag);
          acknowledged++;
        } catch {
          // Not acknowledged.
        }
      }
    });
    // At a different amount of work each time.
    while (acknowledged < 5 + round * 7) await Bun.sleep(1);
    await registry.kill();
    stop = true;
    await Promise.all(pushers);
    await registry.launch();
  }
  expect(tags.length).toBeGreaterThan(50);
  for (const digest of blobs) await verifyBlob(url, "kill", digest);
  for (const tag of tags) await verifyImage(url, "kill", tag);
  const temporary = join(registry.root, "docker/registry/v2/_berth/tmp");
  // The folder of the process that runs, and nothing of those that were killed.
  const left = readdirSync(temporary);
  expect(left).toHaveLength(1);
  expect(readdirSync(join(temporary, left[0]!))).toEqual([]);
});

test("many push the same tag and different tags at once; nothing is lost", async () => {
  registry = await RegistryProcess.start("berth", { flags: ["--access-log", "none"] });
  const { url } = registry;
  const images = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const own = await pushImage(url, "many", `own-${index}`, 10_000);
      expect((await putManifest(url, "many", "same", own.manifest)).status).toBe(201);
      return own.manifest;
    }),
  );
  for (let index = 0; index < 16; index++) await verifyImage(url, "many", `own-${index}`);
  await verifyImage(url, "many", "same");
  const digest = (await fetch(`${url}/v2/many/manifests/same`)).headers.get("docker-content-digest");
  expect(images.map((each) => each.digest)).toContain(digest!);
  // The same content by all at once.
  const config = someContent(300);
  const layer = someContent(3_000_000);
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await pushBlob(url, "same", config);
      await pushBlob(url, "same", layer);
      expect((await putManifest(url, "same", `t${index}`, manifestOf(config, [layer]))).status).toBe(201);
    }),
  );
  await verifyImage(url, "same", "t7");
});

test("deletes during pulls: a pull gets all or 404", async () => {
  registry = await RegistryProcess.start("berth", { flags: ["--access-log", "none"] });
  const { url } = registry;
  const layer = someContent(5_000_000);
  let stop = false;
  let whole = 0;
  const puller = (async () => {
    while (!stop) {
      const response = await fetch(`${url}/v2/del/blobs/${layer.digest}`);
      const bytes = await response.bytes();
      if (response.status !== 200) {
        expect(response.status).toBe(404);
        continue;
      }
      expect(`sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`).toBe(layer.digest);
      whole++;
    }
  })();
  for (let round = 0; round < 15; round++) {
    await pushBlob(url, "del", layer);
    const before = whole;
    while (whole === before) await Bun.sleep(1);
    await fetch(`${url}/v2/del/blobs/${layer.digest}`, { method: "DELETE" });
    await runOk([BERTH, "registry", "gc", "--storage", registry.root, "--gc-grace", "0s"]);
  }
  stop = true;
  await puller;
});

test("garbage collection during pushes without any grace: nothing that was acknowledged goes, rubbish does", async () => {
  registry = await RegistryProcess.start("berth", { flags: ["--access-log", "none"] });
  const { url, root } = registry;
  const collect = () => runOk([BERTH, "registry", "gc", "--storage", root, "--gc-grace", "0s", "-m"]);
  let stop = false;
  const collector = (async () => {
    let removed = "";
    while (!stop) removed += (await collect()).stdout;
    return removed;
  })();
  const shared: Pushed = someContent(1000);
  const tags: string[] = [];
  await Promise.all(
    Array.from({ length: 4 }, async (_, index) => {
      for (let count = 0; count < 25; count++) {
        const rubbish = await pushImage(url, "gc", `rubbish-${index}`, 1000);
        await fetch(`${url}/v2/gc/manifests/${rubbish.manifest.digest}`, { method: "DELETE" });
        const config = someContent(100);
        await pushBlob(url, "gc", config);
        await pushBlob(url, "gc", shared);
        const mount = await fetch(`${url}/v2/gc/to-${index}/blobs/uploads/?mount=${shared.digest}&from=gc`, {
          method: "POST",
        });
        expect(mount.status).toBe(201);
        const manifest = manifestOf(config, [shared]);
        expect((await putManifest(url, "gc", `t-${index}-${count}`, manifest)).status).toBe(201);
        tags.push(`t-${index}-${count}`);
      }
    }),
  );
  stop = true;
  expect(await collector).toMatch(/removed [1-9]\d* blobs/);
  for (const tag of tags) await verifyImage(url, "gc", tag);
  // The mounts that no manifest names are old enough in a second, and then gone.
  await eventually("the mounts are collected", async () => {
    await collect();
    return (await fetch(`${url}/v2/gc/to-0/blobs/${shared.digest}`, { method: "HEAD" })).status === 404;
  });
  for (const tag of tags) await verifyImage(url, "gc", tag);
});

test("a full disk: what does not fit is refused as such, what was there stays, and room that is freed is used", async () => {
  const scope = createScope();
  const disk = join(scope.directory, "disk");
  mkdirSync(disk);
  await runOk(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk]);
  try {
    registry = await RegistryProcess.start("berth", { flags: ["--storage", disk] });
    const { url } = registry;
    const small = await pushImage(url, "a", "small", 1_000_000);
    const large = someContent(20_000_000);
    const whole = await fetch(`${url}/v2/a/blobs/uploads/?digest=${large.digest}`, {
      method: "POST",
      body: large.bytes as Uint8Array<ArrayBuffer>,
    });
    expect(whole.status).toBe(507);
    expect(((await whole.json()) as { errors: { message: string }[] }).errors[0]!.message).toBe(
      "no space left in the storage",
    );
    // Nothing of it is left.
    const filling = await pushImage(url, "a", "filling", 8_000_000);
    const more = someContent(6_000_000);
    const location = await startUpload(url, "a");
    const chunk = await fetch(location, { method: "PATCH", body: more.bytes as Uint8Array<ArrayBuffer> });
    expect(chunk.status).toBe(507);
    // What came of it is there: the upload goes on when there is room.
    const status = await fetch(location);
    expect(status.status).toBe(204);
    const have = Number(/0-(\d+)/.exec(status.headers.get("range")!)![1]) + 1;
    await verifyImage(url, "a", "small");
    await verifyImage(url, "a", "filling");
    expect((await putManifest(url, "a", "big", { bytes: new Uint8Array(4 << 20), digest: "" })).status).toBe(
      400,
    );
    await fetch(`${url}/v2/a/manifests/${filling.manifest.digest}`, { method: "DELETE" });
    await eventually("the room is free", async () => {
      await runOk([BERTH, "registry", "gc", "--storage", disk, "--gc-grace", "0s"]);
      const { bavail, bsize } = statfsSync(disk);
      return bavail * bsize > 7_000_000;
    });
    const rest = await fetch(withDigest(location, more.digest), {
      method: "PUT",
      body: more.bytes.slice(have),
      headers: { "Content-Range": `${have}-${more.bytes.byteLength - 1}` },
    });
    expect(rest.status).toBe(201);
    await verifyBlob(url, "a", more.digest);
    await verifyImage(url, "a", small.manifest.digest);
  } finally {
    await registry?.[Symbol.asyncDispose]();
    registry = undefined;
    await runOk(["umount", disk]);
    releaseScope(scope);
  }
});
