import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@berth/base";
import { dockerArchive, layer } from "./testing/images.test-helper.ts";
import { TestStore } from "./testing/store.test-helper.ts";

setDefaultTimeout(120_000);

const made = dockerArchive(
  [layer("etc/motd", "hello"), layer("bin/x", "#!"), layer("etc/.wh.motd", "")],
  ["app:1"],
);
let folder: string;
let store: TestStore;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "berth-oracle-"));
  store = await TestStore.open();
  await store.load(made.tar);
  writeFileSync(join(folder, "saved.tar"), await store.save("app:1"));
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function run(...command: string[]): string {
  const child = Bun.spawnSync(command, { cwd: folder });
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")}: ${child.stderr}`);
  return child.stdout.toString();
}

// skopeo stands for podman, buildah and CRI-O, which share its libraries.
test("skopeo reads what save writes, as a docker-archive and as an OCI layout", () => {
  const config = JSON.parse(run("skopeo", "inspect", "--config", "--raw", "docker-archive:saved.tar:app:1"));
  expect(sha256(JSON.stringify(config))).toBe(made.id as never);
  const raw = run("skopeo", "inspect", "--raw", "oci-archive:saved.tar:1");
  expect(JSON.parse(raw).config.digest).toBe(made.id);
  run("skopeo", "copy", "docker-archive:saved.tar:app:1", "dir:unpacked");
  for (const each of made.layers) {
    const blob = readFileSync(join(folder, "unpacked", sha256(each).slice(7)));
    expect(blob.equals(each)).toBe(true);
  }
});

test.each([
  ["docker-archive", "docker-archive:out1.tar:quay.io/a/b:c", "out1.tar", "quay.io/a/b:c", true],
  ["oci-archive with gzip layers", "oci-archive:out2.tar:quay.io/a/b:c", "out2.tar", "quay.io/a/b:c", false],
])("what skopeo writes is loaded: %s", async (_name, target, file, name, sameId) => {
  run("skopeo", "copy", "docker-archive:saved.tar:app:1", target);
  await using other = await TestStore.open();
  expect(await other.load(readFileSync(join(folder, file)))).toEqual([{ stream: `Loaded image: ${name}\n` }]);
  const image = await other.images.inspect(name, {});
  expect(image.RootFS.Layers).toEqual(made.layers.map((each) => sha256(each)));
  expect(image.Config.Cmd).toEqual(["sh"]);
  if (sameId) expect(image.Id).toBe(made.id);
  // Saved again, it is what skopeo can read again.
  writeFileSync(join(folder, `again-${file}`), await other.save(name));
  run("skopeo", "inspect", `docker-archive:again-${file}:${name}`);
});
