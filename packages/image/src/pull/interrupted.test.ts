import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Filters } from "@berth/api";
import { sha256 } from "@berth/base";
import { FakeRegistry } from "@berth/registry/testing";
import { layer } from "../testing/images.test-helper.ts";
import { bigLayer, publishImage, statuses } from "../testing/registry.test-helper.ts";
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

const layers = [
  { tar: layer("etc/motd", "hello") },
  { tar: layer("bin/sh", "#!"), compression: "zstd" as const },
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

test("an interrupted pull goes on after a restart of the daemon", async () => {
  const made = publishImage(registry, "app", "1", [bigLayer(3_000_000)]);
  const stop = new AbortController();
  registry.intercept = (_request, url) => {
    if (!url.pathname.includes(made.blobs[0]!)) return undefined;
    const bytes = registry.blobs.get(made.blobs[0]!)!;
    let sent = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent) return new Promise(() => {});
        sent = true;
        controller.enqueue(bytes.subarray(0, 2_000_000));
        return undefined;
      },
    });
    return new Response(body);
  };
  const pulling = pull("app:1", {}, stop.signal);
  const record = () => {
    const found = partials().find((each) => each.endsWith(".parts"));
    return found === undefined ? "" : readFileSync(join(store.dataRoot, "content/partial", found), "utf8");
  };
  // Less than what is written at once may be lost.
  while (!/\[0,1\d{6}\]/.test(record())) await Bun.sleep(10);
  const kept = Number(/\[0,(\d+)\]/.exec(record())![1]);
  stop.abort();
  await expect(pulling).rejects.toThrow();
  registry.intercept = undefined;
  registry.seen.length = 0;
  store = await store.reopen();
  await pull("app:1");
  const [request] = registry.requests("GET", made.blobs[0]);
  expect(Number(/bytes=(\d+)-$/.exec(request!.range!)![1])).toBeGreaterThanOrEqual(kept);
  expect(sha256(await store.content.read(made.blobs[0]!, 1 << 30))).toBe(made.blobs[0]!);
});

/** The next pulls get the first layers, and the last one never ends. */
function stuckAt(blob: string): Promise<void> {
  const reached = Promise.withResolvers<void>();
  registry.intercept = (_request, url) => {
    if (!url.pathname.includes(blob)) return undefined;
    reached.resolve();
    return new Promise(() => {});
  };
  return reached.promise;
}

describe("layers of a pull that did not end", () => {
  const twoLayers = [...layers, bigLayer(200_000)];
  async function interrupted(): Promise<{ blobs: string[] }> {
    const made = publishImage(registry, "app", "1", twoLayers);
    const stuck = stuckAt(made.blobs[2]!);
    const stop = new AbortController();
    let complete = 0;
    const pulling = (async () => {
      const messages = store.images.pull({ image: name("app:1"), tag: "" }, stop.signal);
      for await (const { status } of messages) {
        if (status !== "Pull complete" || ++complete < 2) continue;
        await stuck;
        stop.abort();
      }
    })();
    await expect(pulling).rejects.toThrow();
    registry.intercept = undefined;
    registry.seen.length = 0;
    return made;
  }

  test("are there for the next one, also after a restart and when another image with some of them goes", async () => {
    const { blobs } = await interrupted();
    publishImage(registry, "other", "1", layers.slice(1, 2));
    await pull("other:1");
    await store.images.remove(name("other:1"), { force: false, prune: true });
    store = await store.reopen();
    await store.images.collect();
    registry.seen.length = 0;
    const said = statuses(await pull("app:1"));
    expect(said.filter((each) => each.endsWith("Already exists"))).toHaveLength(2);
    for (const blob of blobs.slice(0, 2)) expect(registry.requests("GET", blob)).toEqual([]);
    // All bytes are there, to be saved and pushed.
    for (const blob of blobs) expect(store.content.has(blob as `sha256:${string}`)).toBe(true);
    await store.images.remove(name("app:1"), { force: false, prune: true });
    await expectNothing();
  });

  test("go with a prune", async () => {
    await interrupted();
    expect(store.snapshots.list()).toHaveLength(2);
    const report = await store.images.prune(new Filters(), never());
    expect(report.ImagesDeleted).toBeNull();
    expect(report.SpaceReclaimed).toBeGreaterThan(0);
    expect(store.snapshots.list()).toEqual([]);
    expect(store.content.list()).toEqual([]);
    expect(partials()).toEqual([]);
  });
});
