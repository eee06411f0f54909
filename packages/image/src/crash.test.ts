import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Filters } from "@berth/api";
import { encoded } from "@berth/base";
import { TestStore } from "./testing/store.test-helper.ts";

setDefaultTimeout(120_000);

/** Ends `child` once it has said so many lines. */
async function killAfter(child: Bun.Subprocess<"ignore", "pipe", "inherit">, lines: number): Promise<void> {
  let seen = 0;
  for await (const piece of child.stdout) {
    for (const byte of piece) if (byte === 10) seen++;
    if (seen >= lines) break;
  }
  child.kill(9);
  await child.exited;
}

test("killed at any moment there is no half image, and nothing is left over", async () => {
  const dataRoot = mkdtempSync(join(tmpdir(), "berth-crash-"));
  try {
    for (const lines of [1, 2, 4, 7, 11, 13, 16, 19, 24]) {
      const command = [process.execPath, join(import.meta.dir, "testing/crash.test-child.ts"), dataRoot];
      const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
      await killAfter(child, lines);
      await check(dataRoot);
    }
  } finally {
    rmSync(dataRoot, { recursive: true, force: true });
  }
});

async function check(dataRoot: string): Promise<void> {
  const store = await TestStore.open({ dataRoot });
  const list = () => store.images.list({ all: true, sharedSize: false, filters: new Filters() });
  const before = await list();
  await store.images.collect();
  expect(await list()).toEqual(before);
  const layers = new Set<string>();
  for (const { Id } of before) {
    const image = store.images.resolve(Id);
    for (const layer of image.chain) {
      layers.add(layer);
      // Its files are whole: each layer holds one file of a known size.
      const folder = store.snapshots.layerFolders(layer)[0]!;
      const [name] = readdirSync(folder);
      expect(Bun.file(join(folder, name!)).size).toBe(50_000);
    }
    // Its content too: save verifies every digest.
    await store.save(Id);
  }
  expect(new Set<string>(store.snapshots.list())).toEqual(layers);
  expect(store.content.list()).toHaveLength(layers.size);
  await store.snapshots[Symbol.asyncDispose]();
  expect(readdirSync(join(dataRoot, "trash"))).toEqual([]);
  expect(readdirSync(join(dataRoot, "content/ingest"))).toEqual([]);
  expect(readdirSync(join(dataRoot, "layers")).sort()).toEqual(
    ["empty", "l", "new", ...store.snapshots.list().map(encoded)].sort(),
  );
  expect(readdirSync(join(dataRoot, "layers/new"))).toEqual([]);
  expect(readdirSync(join(dataRoot, "layers/l"))).toHaveLength(layers.size);
  store.state.close();
}
